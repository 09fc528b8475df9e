// The component of `drops_all.wat`. Others come as a file, from a compiler of any
// language; this one is written by hand, so that the example needs no further toolchain.
{
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/wit/routing");
    let mut resolve = wit_parser::Resolve::default();
    resolve.push_dir(folder)?;
    let package = resolve.push_str(
        "plugin.wit",
        "package example:plugin; world drops-all { export routing:contract/router@0.1.0; }",
    )?;
    let world = resolve.select_world(&[package], None)?;
    let text = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/plugin_pool/drops_all.wat");
    let mut module = wat::parse_file(text)?;
    let utf8 = wit_component::StringEncoding::UTF8;
    wit_component::embed_component_metadata(&mut module, &resolve, world, utf8, false)?;
    wit_component::ComponentEncoder::default()
        .module(&module)?
        .encode()?
}
