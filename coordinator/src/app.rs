//! The only file that wires: a [`Config`] becomes a running [`Coordinator`], to be embedded in a program or served by the
//! binary `flotilla`.

use std::net::SocketAddr;
use std::sync::Arc;

use flotilla_profiles::Library;
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::clock::{SharedClock, SystemClock};
use crate::config::Config;
use crate::data_dir::{DataDir, DataDirError};
use crate::instances::Instances;
use crate::jobs::Jobs;
use crate::lifecycle::Lifecycle;
use crate::objects::{EmbeddedServer, Storage, StorageConfig, StorageError, WorkBucket};
use crate::parts::{Benches, Busy, Parts, Plans, Roster, Shares, Turns, Waiting};
use crate::scheduler;
use crate::store::sqlite::SqliteStore;
use crate::store::{Store, StoreError};
use crate::wake::Wake;
use crate::{fleet, publisher, web};

/// A running coordinator.
pub struct Coordinator {
    parts: Arc<Parts>,
    jobs: Jobs,
    peertube: Instances,
    address: SocketAddr,
    data_dir: DataDir,
}

impl Coordinator {
    /// Opens the data folder, starts the object store if it is the embedded one, listens, and takes up what an earlier
    /// process left unfinished.
    pub async fn start(config: Config) -> Result<Self, StartError> {
        Self::start_with_clock(config, Arc::new(SystemClock)).await
    }

    /// As [`Coordinator::start`], with a clock of the caller's.
    pub async fn start_with_clock(config: Config, clock: SharedClock) -> Result<Self, StartError> {
        // Both TLS users in the tree would otherwise ask which provider is meant. A second installation is no news.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = config.checked()?;
        let profiles = Library::load(config.profiles.dir.as_deref()).map_err(StartError::Profiles)?;
        let data_dir = DataDir::open(&config.data.dir)?;
        let listener = listen(config.server.listen).await?;
        let address = listener
            .local_addr()
            .map_err(|source| StartError::Listen { address: config.server.listen, source })?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&data_dir.database())?);
        data_dir.clear_fetches();
        let (storage, embedded) = storage(&config, &data_dir, address)?;
        let parts = Arc::new(Parts {
            bucket: WorkBucket::new(&config.storage.bucket)
                .map_err(|error| StartError::Bucket(error.to_string()))?,
            store,
            storage,
            profiles,
            clock,
            wake: Wake::default(),
            waiting: Waiting::default(),
            roster: Roster::default(),
            publish_wanted: Notify::new(),
            join_wanted: Notify::new(),
            early_wanted: Notify::new(),
            sweep_wanted: Notify::new(),
            benches: Benches::default(),
            lifecycle: Lifecycle::default(),
            busy: Busy::default(),
            turns: Turns::default(),
            admin_token: data_dir.admin_token()?,
            plans: Plans::default(),
            shares: Shares::of(&config),
            config,
        });
        let jobs = Jobs::new(parts.clone());
        let peertube = Instances::new(parts.clone(), jobs.clone());
        web::spawn(&parts, (jobs.clone(), peertube.clone()), embedded, listener);
        let coordinator = Self { parts, jobs, peertube, address, data_dir };
        coordinator.take_up().await?;
        Ok(coordinator)
    }

    /// What people can ask for: submit, look at, cancel and retry jobs; runners; tokens.
    pub fn jobs(&self) -> &Jobs {
        &self.jobs
    }

    /// URL under which runners on this machine reach the coordinator.
    pub fn url(&self) -> String {
        local_url(self.address)
    }

    /// Stops serving and waits until everything has ended. State is durable at all times; nothing is lost.
    pub async fn stop(self) {
        self.parts.lifecycle.stop().await;
        self.data_dir.forget_url();
    }

    /// The secret of the REST interface.
    pub fn admin_token(&self) -> &str {
        &self.parts.admin_token
    }

    /// The order matters: leases get their life back before anything can expire them.
    async fn take_up(&self) -> Result<(), StartError> {
        let parts = &self.parts;
        parts.storage.ensure_bucket(parts.bucket.name()).await?;
        let lease_ms = i64::from(parts.config.leases.lease_ms);
        parts.store.extend_leases(parts.clock.now(), lease_ms).await?;
        parts.store.end_own_attempts(parts.clock.now()).await?;
        spawn(parts, |parts| async move { scheduler::join_ready(&parts).await });
        spawn(parts, |parts| async move { publisher::show_early(&parts).await });
        spawn(parts, |parts| async move { fleet::wake_runners(&parts).await });
        spawn(parts, |parts| async move { scheduler::expire_leases(&parts).await });
        spawn(parts, |parts| async move { scheduler::rebind_lost(&parts).await });
        spawn(parts, |parts| async move { scheduler::collect_garbage(&parts).await });
        spawn(parts, |parts| async move { publisher::publish_finished(&parts).await });
        spawn(parts, |parts| async move { scheduler::seal_accepted(&parts).await });
        spawn(parts, |parts| async move { scheduler::sweep_sources(&parts).await });
        self.peertube.take_up().await?;
        self.data_dir.note_url(&self.url())?;
        tracing::info!(url = self.url(), data = %parts.config.data.dir.display(), "coordinator is ready");
        Ok(())
    }
}

impl Drop for Coordinator {
    /// A coordinator that could not start, or that its program forgot to stop, leaves no loop and no port behind.
    fn drop(&mut self) {
        self.parts.lifecycle.cut();
    }
}

/// Spawns one of the coordinator's loops.
fn spawn<F>(parts: &Arc<Parts>, task: impl FnOnce(Arc<Parts>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    parts.lifecycle.spawn(task(parts.clone()));
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| StartError::Listen { address, source })
}

/// The configured store, or the embedded one on our own port.
fn storage(
    config: &Config,
    data_dir: &DataDir,
    address: SocketAddr,
) -> Result<(Storage, Option<EmbeddedServer>), StartError> {
    let wanted = &config.storage;
    if let Some(endpoint) = &wanted.endpoint {
        let storage = Storage::new(&StorageConfig {
            endpoint: endpoint.clone(),
            public_endpoint: wanted.public_endpoint.clone(),
            region: wanted.region.clone(),
            path_style: wanted.path_style,
            access_key: wanted.access_key.clone().unwrap_or_default(),
            secret_key: wanted.secret_key.as_ref().map(|key| key.reveal().to_owned()).unwrap_or_default(),
        });
        return Ok((storage, None));
    }
    let server = EmbeddedServer::open(&data_dir.objects(), None)?;
    let public_endpoint = wanted.public_endpoint.clone().or_else(|| config.server.public_url.clone());
    let storage =
        Storage::new(&StorageConfig { public_endpoint, ..server.storage_config(&local_url(address)) });
    Ok((storage, Some(server)))
}

fn local_url(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("http://127.0.0.1:{}", address.port()),
        false => format!("http://{address}"),
    }
}

/// Why a coordinator could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] crate::config::ConfigError),
    /// A profile of the user's.
    #[error("{0}")]
    Profiles(#[source] flotilla_profiles::LoadError),
    /// The data folder.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The address.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The object store.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// The bucket's name.
    #[error("storage.bucket: {0}")]
    Bucket(String),
    /// The embedded object store's folder.
    #[error(transparent)]
    Objects(#[from] crate::objects::embedded::OpenError),
}

impl StartError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::Config(_) => "see docs/configuration.md for every key and its default".into(),
            Self::Profiles(_) => "correct the profile files; `flotilla profiles` checks them".into(),
            Self::DataDir(_) => "check that the folder exists, is writable and has free space".into(),
            Self::Listen { source, .. } if source.kind() == std::io::ErrorKind::AddrInUse => {
                "another program uses the port; stop it or choose another with --listen".into()
            }
            Self::Listen { .. } => "choose an address of this machine with --listen".into(),
            Self::Store(_) => {
                "stop the other coordinator on this data folder; or check its permissions and free space"
                    .into()
            }
            Self::Storage(error) => error.hint().into(),
            Self::Bucket(_) => "choose another name for storage.bucket".into(),
            Self::Objects(error) => error.hint().into(),
        }
    }
}
