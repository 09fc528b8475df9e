//! A name server. It knows the names that it is given and no others, or it never
//! answers at all.

use crate::steps::Gate;
use hickory_proto::{
    op::{Message, ResponseCode},
    rr::{Name, RData, Record, RecordType},
};
use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    sync::Arc,
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
        Self::start(HashMap::new(), |_| Some(Gate::default())).await
    }

    /// Knows `names`, each with an address. It says that others do not exist.
    pub async fn with(names: &[(&str, &str)]) -> Self {
        Self::start(known(names), |_| None).await
    }

    /// As [`with`](Self::with), but that an answer to a query for `held` waits at
    /// `gate`.
    pub async fn holding(names: &[(&str, &str)], held: RecordType, gate: Gate) -> Self {
        let gate = move |asked| (asked == held).then(|| gate.clone());
        Self::start(known(names), gate).await
    }

    async fn start(
        names: HashMap<Name, Vec<IpAddr>>,
        gate: impl Fn(RecordType) -> Option<Gate> + Send + 'static,
    ) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0")
            .await
            .expect("a port on loopback");
        let socket = Arc::new(socket);
        let address = socket.local_addr().expect("an address");
        let (count, queries) = watch::channel(0);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut query = [0; 1500];
            let mut held = JoinSet::new();
            while let Ok((length, client)) = socket.recv_from(&mut query).await {
                count.send_modify(|count| *count += 1);
                let Some((asked, answer)) = answer(&query[..length], &names) else {
                    continue;
                };
                match gate(asked) {
                    None => {
                        let _ = socket.send_to(&answer, client).await;
                    }
                    Some(gate) => {
                        let socket = socket.clone();
                        held.spawn(async move {
                            gate.pass().await;
                            let _ = socket.send_to(&answer, client).await;
                        });
                    }
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

fn known(names: &[(&str, &str)]) -> HashMap<Name, Vec<IpAddr>> {
    let mut known: HashMap<_, Vec<_>> = HashMap::new();
    for (name, address) in names {
        let name = Name::from_ascii(format!("{name}.")).expect("a name");
        let address = address.parse().expect("an address");
        known.entry(name).or_default().push(address);
    }
    known
}

/// The answer to a query for the addresses of one name, with what was asked for.
fn answer(query: &[u8], names: &HashMap<Name, Vec<IpAddr>>) -> Option<(RecordType, Vec<u8>)> {
    let query = Message::from_vec(query).ok()?;
    let question = query.queries.first()?.clone();
    let mut answer = Message::response(query.metadata.id, query.metadata.op_code);
    answer.metadata.recursion_desired = query.metadata.recursion_desired;
    answer.metadata.recursion_available = true;
    match names.get(question.name()) {
        None => answer.metadata.response_code = ResponseCode::NXDomain,
        Some(addresses) => {
            for &address in addresses {
                let data = RData::from(address);
                // A name without an address of this kind has an empty answer.
                if data.record_type() == question.query_type() {
                    answer.add_answer(Record::from_rdata(question.name().clone(), TTL, data));
                }
            }
        }
    }
    let asked = question.query_type();
    answer.add_query(question);
    Some((asked, answer.to_vec().ok()?))
}
