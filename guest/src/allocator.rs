//! Memory for the guest's own data.

/// The allocator that Rust's standard library has for WebAssembly, too, in a
/// version that begins with what the linker left beside the static data. That of
/// Rust 1.95 grows the memory before it hands out its first byte, and growing
/// costs a new instance more than a call does.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
