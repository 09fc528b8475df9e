//! Memory for the guest's own data.

/// dlmalloc, which Rust's standard library uses for WebAssembly too. The
/// version in Rust 1.95 grows the memory before it hands out its first byte,
/// and that costs a new instance more than a call does. This version first uses
/// the memory that the linker left beside the static data.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;
