// Starts the service that the examples ask, on loopback, and is its URL. It
// answers one request at a time on each connection, until the program ends.
{
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};

    fn answer(stream: std::net::TcpStream) -> std::io::Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let mut writer = stream;
        loop {
            let (mut target, mut length) = (String::new(), 0);
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(());
                }
                let line = line.trim_end().to_ascii_lowercase();
                if target.is_empty() {
                    target = line.split(' ').nth(1).unwrap_or_default().to_owned();
                } else if let Some(value) = line.strip_prefix("content-length: ") {
                    length = value.parse().unwrap_or(0);
                } else if line.is_empty() {
                    break;
                }
            }
            std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink())?;
            let path = target.split('?').next().unwrap_or_default();
            let (status, content_type, body) = match path {
                "/credit" => ("200 OK", "text/plain", "12.50 EUR"),
                "/credit.json" => ("200 OK", "application/json", r#"{"amount":12.5}"#),
                "/half" => ("200 OK", "text/plain", "calls=41 minutes=3"),
                "/register" => ("201 Created", "text/plain", ""),
                _ => ("404 Not Found", "text/plain", "there is no such service"),
            };
            let sent = if path == "/half" { 9 } else { body.len() };
            let body_sent = &body[..sent];
            write!(
                writer,
                "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {}\r\n\r\n{body_sent}",
                body.len(),
            )?;
        }
    }

    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port on loopback");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that leaves is no fault.
            std::thread::spawn(move || answer(stream).ok());
        }
    });
    url
}
