//! Where a preset stands in the bytes of a component.

/// What stands before the numbers.
pub const MARK: [u8; 32] = *b"rest-client preset, six u64, v1:";

/// The numbers, in little-endian order.
pub type Bytes = [[u8; 8]; 6];

/// Stands for a number that is not preset.
const NONE: u64 = u64::MAX;

/// What is preset, in the order of the bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numbers {
    /// 1 where the host keeps deadlines and the cap; else the component does.
    pub enforcer: Option<u64>,
    /// In milliseconds.
    pub connection_timeout: Option<u64>,
    /// In milliseconds.
    pub transfer_timeout: Option<u64>,
    /// Transfers.
    pub max_async_transfers: Option<u64>,
    /// 1 for `reject`, 2 for `wait`, else `block`.
    pub at_cap: Option<u64>,
    /// In bytes; 0 is no limit.
    pub max_transfer_size: Option<u64>,
}

impl Numbers {
    /// What a component holds that nobody has changed.
    pub const NOTHING: Bytes = [NONE.to_le_bytes(); 6];

    /// Those that the bytes hold.
    #[must_use]
    pub fn read(bytes: Bytes) -> Self {
        let [
            enforcer,
            connection_timeout,
            transfer_timeout,
            max_async_transfers,
            at_cap,
            max_transfer_size,
        ] = bytes.map(|number| match u64::from_le_bytes(number) {
            NONE => None,
            number => Some(number),
        });
        Self {
            enforcer,
            connection_timeout,
            transfer_timeout,
            max_async_transfers,
            at_cap,
            max_transfer_size,
        }
    }

    /// Writes them into `component`.
    ///
    /// # Errors
    ///
    /// It has no place for them, or more than one, and is left as it is.
    pub fn write(self, component: &mut [u8]) -> Result<(), NoPlace> {
        let mut places = component
            .windows(MARK.len())
            .enumerate()
            .filter_map(|(place, bytes)| (bytes == MARK).then_some(place + MARK.len()));
        let (Some(start), None) = (places.next(), places.next()) else {
            return Err(NoPlace);
        };
        let Self {
            enforcer,
            connection_timeout,
            transfer_timeout,
            max_async_transfers,
            at_cap,
            max_transfer_size,
        } = self;
        let bytes = [
            enforcer,
            connection_timeout,
            transfer_timeout,
            max_async_transfers,
            at_cap,
            max_transfer_size,
        ]
        .map(|number| number.unwrap_or(NONE).to_le_bytes());
        let bytes = bytes.as_flattened();
        component
            .get_mut(start..start + bytes.len())
            .ok_or(NoPlace)?
            .copy_from_slice(bytes);
        Ok(())
    }
}

/// A component has no place for a preset: it is not the one of this project, or one of
/// another version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoPlace;

#[cfg(test)]
mod tests {
    use super::*;

    const SOME: Numbers = Numbers {
        enforcer: Some(1),
        connection_timeout: Some(2),
        transfer_timeout: Some(3),
        max_async_transfers: Some(4),
        at_cap: None,
        max_transfer_size: Some(0),
    };

    #[test]
    fn what_is_written_is_what_is_read() {
        let mut component = [
            &b"before"[..],
            &MARK,
            Numbers::NOTHING.as_flattened(),
            b"after",
        ]
        .concat();
        SOME.write(&mut component).unwrap();
        let (numbers, after) = component[6 + MARK.len()..].split_at(48);
        assert_eq!(after, b"after");
        let mut bytes = Numbers::NOTHING;
        bytes.as_flattened_mut().copy_from_slice(numbers);
        assert_eq!(Numbers::read(bytes), SOME);
    }

    #[test]
    fn a_component_with_no_place_or_two_is_left_as_it_is() {
        let twice = [MARK, MARK, MARK].concat();
        for component in [&twice[..], b"another component", &MARK] {
            let mut written = component.to_vec();
            assert_eq!(SOME.write(&mut written), Err(NoPlace));
            assert_eq!(written, component);
        }
    }
}
