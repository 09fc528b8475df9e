//! A body in chunks (RFC 9112, section 7.1), read without hyper.

/// The whole body at the beginning of `text`, or `None` if there is no whole one.
pub(crate) fn read(mut text: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let (line, rest) = split_line(text)?;
        let size = line.split(|byte| *byte == b';').next()?.trim_ascii();
        let size = usize::from_str_radix(std::str::from_utf8(size).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend(rest.get(..size)?);
        text = rest.get(size..)?.strip_prefix(b"\r\n")?;
    }
}

fn split_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = text.windows(2).position(|two| two == b"\r\n")?;
    Some((&text[..end], &text[end + 2..]))
}
