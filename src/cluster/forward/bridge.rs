//! One connection: from the local socket through the API server into a pod.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::Portforwarder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::UnixStream;

use super::listen::Shared;
use crate::cluster::access::{in_time, within};
use crate::cluster::error::{Ask, ClusterError};

/// How long it may take until the stream into the pod stands.
const DIAL: Duration = Duration::from_secs(10);

/// How long the reason for an end may lag behind the end.
const REASON: Duration = Duration::from_secs(1);

/// How a connection ended.
enum End {
    /// We have closed it.
    ByUs,
    /// The pod's side has closed it.
    ByPod,
    /// The pod's side takes no more.
    NotTaken,
    /// The pod's side says why, if it can.
    Said(Option<String>),
}

/// Serves one connection until either side ends it. What went wrong is noted before the local side is closed.
pub(super) async fn bridge(shared: &Shared, mut local: UnixStream) {
    match dial(shared).await {
        Ok((pod, forwarder)) => carry(shared, &pod, forwarder, &mut local).await,
        Err(error) => shared.notes.refused(error.to_string()),
    }
}

async fn dial(shared: &Shared) -> Result<(String, Portforwarder), ClusterError> {
    let (pods, port) = (&shared.pods, shared.pods.target.port);
    let api = pods.cluster.api::<Pod>(&pods.target.namespace);
    let mut again = true;
    loop {
        let pod = pods.choose().await?.name;
        // The stream is a GET; newer API servers want the right to create it as well.
        let ask = Ask::one("get and create", "pods/portforward", &pods.target.namespace, &pod);
        match within(DIAL, &ask, api.portforward(&pod, &[port])).await {
            Ok(forwarder) => return Ok((pod, forwarder)),
            // Deleted since it was chosen.
            Err(ClusterError::NotFound { .. }) if again => {
                again = false;
                pods.forget(&pod);
            }
            Err(error) => return Err(error),
        }
    }
}

async fn carry(shared: &Shared, pod: &str, mut forwarder: Portforwarder, local: &mut UnixStream) {
    let port = shared.pods.target.port;
    let (Some(stream), Some(error)) = (forwarder.take_stream(port), forwarder.take_error(port)) else {
        shared.notes.refused(format!("pod {pod}: there is no stream for port {port}"));
        return;
    };
    let mut error = std::pin::pin!(error);
    let mut back = 0;
    let end = {
        let (mut from_us, mut to_us) = local.split();
        let (mut from_pod, mut to_pod) = tokio::io::split(stream);
        let up = tokio::io::copy(&mut from_us, &mut to_pod);
        let mut down = std::pin::pin!(count(&mut from_pod, &mut to_us, &mut back));
        let end = tokio::select! {
            sent = up => if sent.is_ok() { End::ByUs } else { End::NotTaken },
            () = &mut down => End::ByPod,
            said = &mut error => End::Said(said),
        };
        if matches!(end, End::NotTaken | End::Said(_)) {
            // What the pod said before it went is still delivered.
            in_time(REASON, down).await;
        }
        end
    };
    let mut reason = match end {
        End::ByUs => {
            forwarder.abort();
            return;
        }
        End::Said(said) => said,
        End::NotTaken | End::ByPod => in_time(REASON, error).await.flatten(),
    };
    if reason.is_none() {
        reason = in_time(REASON, forwarder.join()).await.and_then(Result::err).map(|error| {
            let error = error.to_string();
            // What TLS and WebSocket have to say about an API server that went away helps nobody.
            if error.contains("WebSocket") {
                "the connection to the Kubernetes API broke".to_owned()
            } else {
                error
            }
        });
    } else {
        forwarder.abort();
    }
    match reason {
        Some(reason) if back == 0 && is_refusal(&reason) => {
            // Its process is away. Another pod may do better; this one is asked again when there is none.
            shared.pods.forget(pod);
            shared.notes.refused(format!("port {port} of pod {pod} refuses connections"));
        }
        Some(reason) => shared.notes.broke(Some(format!("the forward to pod {pod} broke: {reason}"))),
        None => shared.notes.broke(Some(format!("pod {pod} closed the connection"))),
    }
}

/// Copies until the end, and counts.
async fn count(from: &mut (impl AsyncRead + Unpin), to: &mut (impl AsyncWrite + Unpin), bytes: &mut u64) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(n) => {
                *bytes += n as u64;
                if to.write_all(&buffer[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Whether the node says that nobody listens there. Its words differ between container runtimes.
fn is_refusal(reason: &str) -> bool {
    let reason = reason.to_lowercase();
    reason.contains("connection refused") || reason.contains("failed to connect to localhost")
}
