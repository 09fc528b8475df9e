//! Who comes in, and who is still answered at the end.

use super::{
    Service,
    asked::Asked,
    connection::{OF_PROXIES, connection},
    listener::{Accepted, Listener},
};
use hyper_util::server::graceful::GracefulShutdown;
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// How long, at the end, requests are still answered, and connections taken: what was sent
/// before the signal may be in a buffer yet. A connection ends with its reply then, which says
/// so. One that was still unused after that has nobody's request on it.
const QUIET: Duration = Duration::from_millis(250);

/// Where connections come in, of which there are so many at a time.
pub(super) struct Door {
    listener: Listener,
    places: Arc<Semaphore>,
    asked: Arc<Asked>,
    service: Arc<Service>,
    connections: GracefulShutdown,
}

impl Door {
    pub(super) fn new(
        listener: Listener,
        most: usize,
        asked: Asked,
        service: Arc<Service>,
    ) -> Self {
        Self {
            listener,
            places: Arc::new(Semaphore::new(most)),
            asked: Arc::new(asked),
            service,
            connections: GracefulShutdown::new(),
        }
    }

    /// Lets the next one in.
    pub(super) async fn admit_one(&self) {
        self.admit(self.listener.accept(&self.places).await);
    }

    fn admit(&self, (stream, peer, place): Accepted) {
        if !self.service.trusts(peer) {
            // It takes no place of those who are trusted.
            drop(place);
            self.service.refuse(stream, peer);
            return;
        }
        let (asked, service) = (self.asked.clone(), self.service.clone());
        let connection = connection(stream, OF_PROXIES, move |request| {
            let (asked, service) = (asked.clone(), service.clone());
            async move {
                let version = request.version();
                let answer = asked.reply(&service, peer, request);
                let mut reply = service.answer(answer).await;
                service.announce_end(version, &mut reply);
                reply
            }
        });
        let connection = self.connections.watch(connection);
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "a connection of a proxy ended");
            }
            drop(place);
        });
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> usize {
        self.connections.count()
    }

    /// Returns when all that was sent so far is answered. Nobody comes in any more then. It takes
    /// half of `time` at most to be sure that nothing is on its way.
    pub(super) async fn close(self, time: Duration) {
        let answer_what_was_sent = async {
            loop {
                self.admit_one().await;
            }
        };
        // It never comes to an end by itself.
        let _ = timeout(QUIET.min(time / 2), answer_what_was_sent).await;
        drop(self.listener);
        self.connections.shutdown().await;
    }
}
