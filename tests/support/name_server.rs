//! A name server of the tests' own.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};
use tokio::{net::UdpSocket, sync::watch, task::JoinSet};

/// A name server. It knows the names it is given, and no others; or it never
/// answers at all.
pub struct NameServer {
    address: SocketAddr,
    /// Queries received.
    pub queries: watch::Receiver<usize>,
    _tasks: JoinSet<()>,
}

impl NameServer {
    /// Receives queries, and never answers.
    pub async fn silent() -> Self {
        Self::start(None).await
    }

    /// Answers for `names`, and that there is no other.
    pub async fn with(names: &[(&str, &str)]) -> Self {
        let names = names
            .iter()
            .map(|(name, address)| (format!("{name}."), address.parse().expect("an address")))
            .collect();
        Self::start(Some(names)).await
    }

    async fn start(names: Option<HashMap<String, IpAddr>>) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0")
            .await
            .expect("a port on loopback");
        let address = socket.local_addr().expect("an address");
        let (count, queries) = watch::channel(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut query = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut query).await {
                count.send_modify(|count| *count += 1);
                if let Some(names) = &names
                    && let Some(answer) = answer(&query[..length], names)
                {
                    let _ = socket.send_to(&answer, client).await;
                }
            }
        });
        Self {
            address,
            queries,
            _tasks: tasks,
        }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

/// The answer to a query for one address (RFC 1035, section 4).
fn answer(query: &[u8], names: &HashMap<String, IpAddr>) -> Option<Vec<u8>> {
    let mut name = String::new();
    let mut at = 12;
    while *query.get(at)? != 0 {
        let length = usize::from(query[at]);
        name.push_str(std::str::from_utf8(query.get(at + 1..at + 1 + length)?).ok()?);
        name.push('.');
        at += length + 1;
    }
    let question = query.get(12..at + 5)?;
    let kind = u16::from_be_bytes([query[at + 1], query[at + 2]]);
    let known = names.get(&name.to_ascii_lowercase());
    let data = match (known, kind) {
        (Some(IpAddr::V4(address)), 1) => Some(address.octets().to_vec()),
        (Some(IpAddr::V6(address)), 28) => Some(address.octets().to_vec()),
        _ => None,
    };
    let mut answer = query.get(..2)?.to_vec();
    // An answer, with recursion; the code is 0, or 3 for a name that is not.
    answer.extend([0x81, if known.is_some() { 0x80 } else { 0x83 }]);
    answer.extend([0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    answer.extend(question);
    if let Some(data) = data {
        // The name of the question, its type, class IN, and a minute to live.
        answer.extend([0xc0, 12, query[at + 1], query[at + 2], 0, 1, 0, 0, 0, 60, 0]);
        answer.push(u8::try_from(data.len()).ok()?);
        answer.extend(data);
    }
    Some(answer)
}
