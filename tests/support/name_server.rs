//! A name server. It knows the names that it is given and no others, or it never
//! answers at all.

use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record},
};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
};
use tokio::{net::UdpSocket, sync::watch, task::JoinSet};

/// Seconds for which an answer may be kept.
const TTL: u32 = 60;

/// Runs until it is dropped.
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

    /// Knows `names`, each with its address. It says that others do not exist.
    pub async fn with(names: &[(&str, &str)]) -> Self {
        let names = names
            .iter()
            .map(|(name, address)| {
                let name = Name::from_ascii(format!("{name}.")).expect("a name");
                (name, address.parse().expect("an address"))
            })
            .collect();
        Self::start(Some(names)).await
    }

    async fn start(names: Option<HashMap<Name, IpAddr>>) -> Self {
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

/// The answer to a query for the addresses of one name.
fn answer(query: &[u8], names: &HashMap<Name, IpAddr>) -> Option<Vec<u8>> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?.clone();
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    match names.get(question.name()) {
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some(&address) => {
            let data = RData::from(address);
            // A name without an address of this kind has an empty answer.
            if data.record_type() == question.query_type() {
                answer.add_answer(Record::from_rdata(question.name().clone(), TTL, data));
            }
        }
    }
    answer.add_query(question);
    answer.to_vec().ok()
}
