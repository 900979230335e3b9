//! Accepts connections, bounds what a slow client can hold, and ends gracefully.

use crate::Options;
use axum::Router;
use detectors::contention::waiting;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio_io_timeout::TimeoutStream;

/// A request's head that is longer gets status 431, unless what is too much came in one read with the rest.
const HEAD_BYTES_MAX: usize = 64 << 10;

/// After an error of accepting, such as too many open descriptors, others get the time to end.
const PAUSE: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(crate) struct Connections {
    stop: oneshot::Sender<Duration>,
    accepting: JoinHandle<bool>,
}

impl Connections {
    pub(crate) fn serve(listener: TcpListener, router: Router, options: &Options) -> Self {
        let (stop, stopped) = oneshot::channel();
        Connections {
            stop,
            accepting: tokio::spawn(accept(listener, router, options.clone(), stopped)),
        }
    }

    pub(crate) async fn shut_down(self, within: Duration) -> bool {
        // Fails when accepting has ended by itself; then its handle says so.
        let _ = self.stop.send(within);
        self.accepting.await.unwrap_or(false)
    }
}

async fn accept(
    listener: TcpListener,
    router: Router,
    options: Options,
    mut stopped: oneshot::Receiver<Duration>,
) -> bool {
    let connections = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(options.connections));
    // Only http/1: to find out which version a client speaks, a server waits for its first bytes, and that without a limit.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .max_buf_size(HEAD_BYTES_MAX)
        .header_read_timeout(options.head_within);
    let within = loop {
        let accepted = tokio::select! {
            accepted = next(&listener, &places) => accepted,
            within = &mut stopped => break within.unwrap_or(Duration::ZERO),
        };
        let Ok((stream, place)) = accepted else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(options.read_within));
        let service = TowerToHyperService::new(router.clone());
        let connection = builder
            .serve_connection(TokioIo::new(Box::pin(stream)), service)
            .into_owned();
        let connection = connections.watch(connection);
        tokio::spawn(async move {
            // A client that goes away in the middle is no error of ours.
            let _ = connection.await;
            drop(place);
        });
    };
    drop(listener);
    tokio::time::timeout(within, connections.shutdown())
        .await
        .is_ok()
}

/// A connection, with its place among those that may be open.
async fn next(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> std::io::Result<(tokio::net::TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = waiting(Arc::clone(places).acquire_owned()).await;
    let place = place.map_err(std::io::Error::other)?;
    let (stream, _) = listener.accept().await?;
    Ok((stream, place))
}
