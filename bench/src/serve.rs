//! The work of the server: it answers as fast as it can, so that it is not what
//! is measured.

use crate::{
    pinned, runtime,
    server::{Addresses, LARGE, SMALL},
};
use anyhow::Result;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
};
use std::{path::Path, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, UnixListener},
};
use tokio_rustls::TlsAcceptor;

/// Serves until standard input ends, which it does when the parent process
/// ends.
pub(crate) fn until_input_ends(socket: &Path) -> Result<()> {
    pinned::to_core(1);
    let runtime = runtime::single_threaded()?;
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    runtime.block_on(async {
        let (plain, tls, unix) = (
            TcpListener::bind("127.0.0.1:0").await?,
            TcpListener::bind("127.0.0.1:0").await?,
            UnixListener::bind(socket)?,
        );
        let (acceptor, authority) = identity()?;
        let addresses = Addresses {
            plain: plain.local_addr()?,
            tls: tls.local_addr()?,
            socket: socket.to_owned(),
            authority,
        };
        let line = serde_json::to_string(&addresses)?;
        #[expect(clippy::print_stdout, reason = "its parent reads it")]
        {
            println!("{line}");
        }
        let replies = Arc::new(Replies::new());
        loop {
            let replies = replies.clone();
            tokio::select! {
                accepted = plain.accept() => {
                    let (stream, _) = accepted?;
                    stream.set_nodelay(true)?;
                    tokio::spawn(async move { answer(stream, &replies).await });
                }
                accepted = unix.accept() => {
                    let (stream, _) = accepted?;
                    tokio::spawn(async move { answer(stream, &replies).await });
                }
                accepted = tls.accept() => {
                    let (stream, _) = accepted?;
                    stream.set_nodelay(true)?;
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        if let Ok(stream) = acceptor.accept(stream).await {
                            answer(stream, &replies).await;
                        }
                    });
                }
            }
        }
    })
}

/// Complete replies, made once.
struct Replies {
    small: Vec<u8>,
    large: Vec<u8>,
}

impl Replies {
    fn new() -> Self {
        let reply = |size: usize| {
            let mut bytes = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n\r\n"
            )
            .into_bytes();
            bytes.resize(bytes.len() + size, b'x');
            bytes
        };
        Self {
            small: reply(SMALL),
            large: reply(LARGE),
        }
    }
}

/// Answers the requests of one connection, one after the other. They have no
/// body.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin, replies: &Replies) {
    let mut head = Vec::with_capacity(4096);
    loop {
        match stream.read_buf(&mut head).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        if !head.ends_with(b"\r\n\r\n") {
            continue;
        }
        let reply = match head.starts_with(b"GET /large") {
            true => &replies.large,
            false => &replies.small,
        };
        head.clear();
        if stream.write_all(reply).await.is_err() || stream.flush().await.is_err() {
            return;
        }
    }
}

/// A certificate for the server, and the authority that signed it, in PEM form.
fn identity() -> Result<(TlsAcceptor, String)> {
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate()?;
    let authority = params.self_signed(&key)?.pem();
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate()?;
    let certificate =
        rcgen::CertificateParams::new(vec!["127.0.0.1".into()])?.signed_by(&key, &issuer)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate)],
            PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?,
        )?;
    Ok((TlsAcceptor::from(Arc::new(config)), authority))
}
