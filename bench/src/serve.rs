//! The work of the server: it answers as fast as it can, so that it is not what
//! is measured.

mod http2;

use crate::{
    runtime,
    server::{Addresses, LARGE, SMALL},
};
use anyhow::Result;
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::NoServerSessionStorage,
};
use std::{net::SocketAddr, path::Path, sync::Arc};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpListener, TcpStream, UnixListener},
};
use tokio_rustls::TlsAcceptor;

/// Serves until standard input ends, which it does when the parent process
/// ends.
pub(crate) fn until_input_ends(socket: &Path) -> Result<()> {
    let runtime = runtime::single_threaded()?;
    std::thread::spawn(|| {
        let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
        std::process::exit(0);
    });
    runtime.block_on(async {
        runtime::stay_awake();
        let (plain, tls, tls_without_sessions, http2, unix) = (
            TcpListener::bind("127.0.0.1:0").await?,
            TcpListener::bind("127.0.0.1:0").await?,
            TcpListener::bind("127.0.0.1:0").await?,
            TcpListener::bind("127.0.0.1:0").await?,
            UnixListener::bind(socket)?,
        );
        let (config, authority_pem) = identity()?;
        let authority = socket.with_file_name("authority.pem");
        std::fs::write(&authority, authority_pem)?;
        let acceptor = TlsAcceptor::from(Arc::new(config.clone()));
        let mut with_http2 = config.clone();
        with_http2.alpn_protocols = vec![b"h2".to_vec()];
        let http2_acceptor = TlsAcceptor::from(Arc::new(with_http2));
        let mut without_sessions = config;
        without_sessions.send_tls13_tickets = 0;
        without_sessions.session_storage = Arc::new(NoServerSessionStorage {});
        let acceptor_without_sessions = TlsAcceptor::from(Arc::new(without_sessions));
        let addresses = Addresses {
            plain: plain.local_addr()?,
            tls: tls.local_addr()?,
            tls_without_sessions: tls_without_sessions.local_addr()?,
            http2: http2.local_addr()?,
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
                    tokio::spawn(secured(acceptor.clone(), stream, replies));
                }
                accepted = http2.accept() => {
                    let (stream, _) = accepted?;
                    tokio::spawn(http2::secured(http2_acceptor.clone(), stream, replies));
                }
                accepted = tls_without_sessions.accept() => {
                    let (stream, _) = accepted?;
                    tokio::spawn(secured(acceptor_without_sessions.clone(), stream, replies));
                }
            }
        }
    })
}

/// Answers without TLS at the address that it returns, for as long as the runtime of who calls
/// it is there.
pub(crate) async fn beside() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let replies = Arc::new(Replies::new());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let replies = replies.clone();
            // Its client waits a little longer if this fails.
            let _ = stream.set_nodelay(true);
            tokio::spawn(async move { answer(stream, &replies).await });
        }
    });
    Ok(address)
}

/// Complete replies, made once.
struct Replies {
    small: Vec<u8>,
    large: Vec<u8>,
    /// Of the small one that is the last.
    close: Vec<u8>,
    /// Which connections of HTTP/2 are used.
    http2: http2::Used,
}

impl Replies {
    fn new() -> Self {
        let reply = |size: usize, field: &str| {
            let mut bytes = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {size}\r\n{field}\r\n"
            )
            .into_bytes();
            bytes.resize(bytes.len() + size, b'x');
            bytes
        };
        Self {
            small: reply(SMALL, ""),
            large: reply(LARGE, ""),
            close: reply(SMALL, "connection: close\r\n"),
            http2: http2::Used::default(),
        }
    }

    fn small_body(&self) -> &[u8] {
        &self.small[self.small.len() - SMALL..]
    }
}

async fn secured(acceptor: TlsAcceptor, stream: TcpStream, replies: Arc<Replies>) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    if let Ok(stream) = acceptor.accept(stream).await {
        answer(stream, &replies).await;
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
        let used;
        let (reply, is_last) = match &*head {
            [b'G', b'E', b'T', b' ', b'/', b'l', ..] => (&replies.large, false),
            [b'G', b'E', b'T', b' ', b'/', b'c', ..] => (&replies.close, true),
            [b'G', b'E', b'T', b' ', b'/', b'u', ..] => {
                used = replies.http2.reply();
                (&used, true)
            }
            _ => (&replies.small, false),
        };
        head.clear();
        if stream.write_all(reply).await.is_err() || stream.flush().await.is_err() {
            return;
        }
        if is_last {
            // Whether the other end says so, too, is all one.
            let _ = stream.shutdown().await;
            return;
        }
    }
}

/// A certificate for the server, and the authority that signed it, in PEM form.
fn identity() -> Result<(ServerConfig, String)> {
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
    Ok((config, authority))
}
