//! One policy, and the client configuration of rustls that it is in force as.

use super::{
    files::{Content, Files},
    trust_store::TrustStore,
    verifier::Verifier,
};
use crate::{
    call::failure::{Cause, Failure},
    config::{ClientDomain, Config, ConfigError, HttpVersion, TlsVersion},
    transport::stamp::Stamp,
};
use rustls::{
    ClientConfig, SupportedProtocolVersion,
    client::Resumption,
    crypto::CryptoProvider,
    pki_types::CertificateDer,
    sign::{CertifiedKey, SingleCertAndKey},
    version::{TLS12, TLS13},
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::Mutex;

/// Between two looks at the files for the sake of connections that are kept.
const PAUSE: Duration = Duration::from_secs(1);

/// Up to so many files, those in a directory counted, are looked at by who makes a
/// connection, with a system call for each: to have another thread do that takes longer. They
/// are on a disk of this machine then, so that there is nothing to wait for.
const FEW: usize = 8;

/// A policy. What its files say is read anew when they change.
///
/// They are looked at before every handshake, so that a new connection is never
/// made under what they said before. For those that are kept they are looked at
/// every second, while they are asked for: one that was made under what they said
/// before takes the request that it has, and no other. A file that can't be read,
/// or is not what it should be, changes nothing but for one warning.
#[derive(Debug)]
pub(in crate::transport) struct TlsPolicy {
    verify_peer: bool,
    verify_host: bool,
    /// The system's own authorities are trusted, too.
    trust_system: bool,
    min_version: TlsVersion,
    version: HttpVersion,
    files: Files,
    provider: Arc<CryptoProvider>,
    state: Arc<Mutex<State>>,
    /// How often what the files say has changed.
    generation: AtomicU64,
    /// When the files were looked at for connections that are kept.
    looked_for_kept: parking_lot::Mutex<Instant>,
}

#[derive(Debug)]
struct State {
    /// What the policy's own files said when they could be read last.
    content: Content,
    /// Of all files, when they were read last. Empty where they could not be, or could
    /// have changed since and look the same.
    stamp: Option<Stamp>,
    /// Whether they are so few, and so near, that looking at them is no more than a few system
    /// calls.
    is_look_quick: bool,
    /// Empty until TLS is first spoken: reading the system's trust store takes
    /// milliseconds, which a host that speaks no TLS need not spend.
    in_force: Option<InForce>,
    looked: Instant,
    /// The files can't be used, and somebody was told.
    is_broken: bool,
}

#[derive(Debug)]
struct InForce {
    trusted: Arc<TrustStore>,
    shown: Vec<CertificateDer<'static>>,
    client: Arc<ClientConfig>,
}

impl TlsPolicy {
    /// The policy of `config` for servers of no client domain.
    ///
    /// # Errors
    ///
    /// A file can't be read, or is not what it should be.
    pub(super) fn new(config: &Config) -> Result<Self, ConfigError> {
        Self::with(config, None)
    }

    /// The policy of `config` for the servers of `domain`.
    ///
    /// # Errors
    ///
    /// As for [`new`](Self::new), or there is a key without a certificate.
    pub(super) fn of_domain(config: &Config, domain: &ClientDomain) -> Result<Self, ConfigError> {
        let identity = match (&domain.certificate, &domain.key) {
            (Some(certificate), key) => Some((certificate.clone(), key.clone())),
            (None, Some(_)) => {
                return Err(ConfigError::new(
                    "there is a key and no certificate; name the certificate of this key",
                ));
            }
            (None, None) => None,
        };
        let config = Config {
            ssl_capath: domain.ssl_capath.clone().or(config.ssl_capath.clone()),
            ca_only: domain.ca_only.unwrap_or(config.ca_only),
            ssl_verifypeer: domain.ssl_verifypeer.unwrap_or(config.ssl_verifypeer),
            ssl_verifyhost: domain.ssl_verifyhost.unwrap_or(config.ssl_verifyhost),
            tls_min_version: domain.tls_min_version.unwrap_or(config.tls_min_version),
            ..config.clone()
        };
        Self::with(&config, identity)
    }

    fn with(
        config: &Config,
        identity: Option<(PathBuf, Option<PathBuf>)>,
    ) -> Result<Self, ConfigError> {
        if config.ca_only && config.ssl_capath.is_none() {
            return Err(ConfigError::new(
                "ca-only is set without ssl-capath, so that nobody would be trusted; name the authorities there",
            )
            .about("ca-only"));
        }
        let files = Files {
            capath: config.ssl_capath.clone(),
            identity,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        // What can't be read is known when the host is made.
        let content = files.read(&provider)?;
        let now = Instant::now();
        Ok(Self {
            verify_peer: config.ssl_verifypeer,
            verify_host: config.ssl_verifyhost,
            trust_system: config.ssl_verifypeer && !config.ca_only,
            min_version: config.tls_min_version,
            version: config.http_version,
            files,
            provider,
            state: Arc::new(Mutex::new(State {
                content,
                stamp: None,
                is_look_quick: false,
                in_force: None,
                looked: now,
                is_broken: false,
            })),
            generation: AtomicU64::new(0),
            looked_for_kept: parking_lot::Mutex::new(now),
        })
    }

    /// The configuration for a new connection, and what the connection is to
    /// remember.
    ///
    /// # Errors
    ///
    /// TLS can't be set up on this machine.
    pub(in crate::transport) async fn client(
        self: &Arc<Self>,
    ) -> Result<(Arc<ClientConfig>, Trust), Failure> {
        let asked = Instant::now();
        let mut state = self.state.clone().lock_owned().await;
        // A look that was begun since then, for another connection, is as good.
        let is_looked_at = state.in_force.is_some() && state.looked >= asked;
        if !is_looked_at && !self.are_seen_unchanged(&mut state) {
            let policy = self.clone();
            let looked = tokio::task::spawn_blocking(move || {
                policy.look(&mut state)?;
                Ok::<_, rustls::Error>(state)
            });
            state = looked
                .await
                .map_err(|error| cannot_be_set_up(&error.to_string()))?
                .map_err(|error| cannot_be_set_up(&error.to_string()))?;
        }
        let in_force = state.in_force.as_ref();
        let client = in_force.ok_or_else(|| cannot_be_set_up("there is no configuration"))?;
        Ok((
            client.client.clone(),
            Trust {
                policy: self.clone(),
                generation: self.generation.load(Ordering::Acquire),
            },
        ))
    }

    /// Whether the files can be looked at here and now, and have not changed since they
    /// were read.
    fn are_seen_unchanged(&self, state: &mut State) -> bool {
        if state.in_force.is_none() || !state.is_look_quick {
            return false;
        }
        let looked = Instant::now();
        if state.stamp.as_ref() != Some(&self.stamp()) {
            return false;
        }
        state.looked = looked;
        true
    }

    /// Reads the files if they have changed. Blocks.
    fn look(&self, state: &mut State) -> Result<(), rustls::Error> {
        state.looked = Instant::now();
        // Before they are read: a change in between is seen the next time.
        let stamp = self.stamp();
        if state.in_force.is_some() && state.stamp.as_ref() == Some(&stamp) {
            return Ok(());
        }
        state.is_look_quick = stamp.files() <= FEW && stamp.is_local();
        let settled = Some(stamp).filter(Stamp::is_settled);
        state.stamp = None;
        match self.files.read(&self.provider) {
            Ok(content) => {
                state.content = content;
                state.stamp = settled;
                state.is_broken = false;
            }
            Err(error) if !state.is_broken => {
                state.is_broken = true;
                tracing::warn!(%error, "a TLS file can't be used; its previous content stays in force");
            }
            Err(_) => {}
        }
        let mut trusted = match self.trust_system {
            true => TrustStore::of_system(),
            false => TrustStore::empty(),
        };
        trusted.add(&state.content.certificates);
        let shown = state.content.shown();
        if let Some(before) = &state.in_force {
            if *before.trusted == trusted && before.shown == shown {
                return Ok(());
            }
            tracing::info!("the files of TLS have changed, what they say now is in force");
        }
        let trusted = Arc::new(trusted);
        let client = self.build(&trusted, state.content.identity.clone())?;
        if state.in_force.is_some() {
            self.generation.fetch_add(1, Ordering::Release);
        }
        state.in_force = Some(InForce {
            trusted,
            shown: shown.to_vec(),
            client,
        });
        Ok(())
    }

    fn stamp(&self) -> Stamp {
        let mut stamp = Stamp::default();
        self.files.add_to(&mut stamp);
        if self.trust_system {
            TrustStore::add_system_to(&mut stamp);
        }
        stamp
    }

    /// A configuration that resumes no session: whose they are is not known here.
    fn build(
        &self,
        trusted: &Arc<TrustStore>,
        identity: Option<CertifiedKey>,
    ) -> Result<Arc<ClientConfig>, rustls::Error> {
        let verifier = Verifier {
            trusted: trusted.clone(),
            verify_peer: self.verify_peer,
            verify_host: self.verify_host,
            provider: self.provider.clone(),
        };
        let versions: &[&SupportedProtocolVersion] = match self.min_version {
            TlsVersion::Tls12 => &[&TLS13, &TLS12],
            TlsVersion::Tls13 => &[&TLS13],
        };
        let client = ClientConfig::builder_with_provider(self.provider.clone())
            .with_protocol_versions(versions)?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut client = match identity {
            Some(key) => client.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(key))),
            None => client.with_no_client_auth(),
        };
        client.alpn_protocols = self.version.alpn();
        client.resumption = Resumption::disabled();
        Ok(Arc::new(client))
    }

    /// Has the files looked at if that was not done for a while.
    fn look_for_kept(self: &Arc<Self>) {
        let now = Instant::now();
        let mut looked = self.looked_for_kept.lock();
        if now.duration_since(*looked) < PAUSE {
            return;
        }
        *looked = now;
        drop(looked);
        let policy = self.clone();
        tokio::spawn(async move {
            if let Err(failure) = policy.client().await {
                tracing::debug!(error = %failure.sentence, "the files of TLS can't be looked at");
            }
        });
    }
}

/// What the files of a policy said when a connection was made.
#[derive(Debug, Clone)]
pub(in crate::transport) struct Trust {
    policy: Arc<TlsPolicy>,
    generation: u64,
}

impl Trust {
    /// Whether both are of one policy.
    pub(super) fn is_of_same_policy(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.policy, &other.policy)
    }

    /// Whether what the files said was the same, too.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.is_of_same_policy(other) && self.generation == other.generation
    }

    /// Whether they say the same now, as far as one knows who looks every second.
    pub(in crate::transport) fn is_current(&self) -> bool {
        self.policy.look_for_kept();
        self.generation == self.policy.generation.load(Ordering::Acquire)
    }
}

fn cannot_be_set_up(error: &str) -> Failure {
    Failure::new(Cause::Tls, format!("TLS can't be set up: {error}"))
}
