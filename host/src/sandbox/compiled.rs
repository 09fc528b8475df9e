//! The component, compiled when this crate was built.
//!
//! On Linux the first engine of a process runs it where it lies in the program, whose pages the
//! kernel brings in as they are touched: to copy it takes a fifth of what a program takes that
//! makes one call. Further engines have copies, since wasmtime knows code by its address.

use wasmtime::{Config, Engine, component::Component};

/// What can be told on Linux to be code is whole pages, which have 64 KiB on some machines with
/// ARM, as the compiled component knows. Elsewhere it is copied.
#[repr(C)]
#[cfg_attr(all(target_os = "linux", target_arch = "aarch64"), repr(align(65536)))]
#[cfg_attr(
    all(target_os = "linux", not(target_arch = "aarch64")),
    repr(align(4096))
)]
struct Aligned<T: ?Sized>(T);

static COMPONENT: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!(
    env!("OUT_DIR"),
    "/rest-client.cwasm"
)));

/// The component, in an engine of this configuration, which is that of `build.rs` but for what
/// does not change the code.
///
/// # Errors
///
/// This machine can't run what the component was compiled to.
pub(super) fn load(config: Config) -> wasmtime::Result<Component> {
    #[cfg(target_os = "linux")]
    match in_place::load(&config) {
        Ok(Some(component)) => return Ok(component),
        Ok(None) => {}
        // There are kernels that let no part of a file become code, and a copy of it.
        Err(error) => tracing::debug!(%error, "the component is copied"),
    }
    let engine = Engine::new(&config)?;
    #[expect(unsafe_code, reason = "see below")]
    // SAFETY: the bytes were written by `precompile_component` of the same version of wasmtime
    // in build.rs, and are part of this program.
    unsafe {
        Component::deserialize(&engine, &COMPONENT.0)
    }
}

#[cfg(target_os = "linux")]
mod in_place {
    use super::COMPONENT;
    use rustix::mm::{MprotectFlags, mprotect};
    use std::{
        ptr::NonNull,
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
    };
    use wasmtime::{Config, CustomCodeMemory, Engine, component::Component};

    /// Whether an engine runs it, or has done so.
    static TAKEN: AtomicBool = AtomicBool::new(false);

    /// `None` if that was done before.
    pub(super) fn load(config: &Config) -> wasmtime::Result<Option<Component>> {
        if TAKEN.swap(true, Ordering::Relaxed) {
            return Ok(None);
        }
        let mut config = config.clone();
        config.with_custom_code_memory(Some(Arc::new(PartOfTheProgram)));
        let engine = Engine::new(&config)?;
        #[expect(unsafe_code, reason = "see below")]
        // SAFETY: as for a copy; and nobody writes to a static that is not mutable, which is
        // there as long as the program.
        let component =
            unsafe { Component::deserialize_raw(&engine, NonNull::from(&COMPONENT.0))? };
        Ok(Some(component))
    }

    /// Code that can be read and never be written.
    struct PartOfTheProgram;

    impl CustomCodeMemory for PartOfTheProgram {
        fn required_alignment(&self) -> usize {
            rustix::param::page_size()
        }

        fn publish_executable(&self, start: *const u8, length: usize) -> wasmtime::Result<()> {
            #[expect(unsafe_code, reason = "see below")]
            // SAFETY: these are whole pages of COMPONENT, which can be read before and after,
            // and written neither before nor after.
            unsafe {
                let readable = MprotectFlags::READ | MprotectFlags::EXEC;
                mprotect(start.cast_mut().cast(), length, readable)?;
            }
            Ok(())
        }

        /// It stays code: nobody else is going to have these pages.
        fn unpublish_executable(&self, _: *const u8, _: usize) -> wasmtime::Result<()> {
            Ok(())
        }
    }
}
