//! Waiting for exporters before the pause: what they have not acknowledged is exported again after a restore, over what the
//! backups of the web applications hold already.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use tokio::time::Instant;

use super::act::Ended;
use super::drive::World;
use super::event::Happened;
use super::report::Cause;
use super::wait::{Limits, pace};
use super::watch::LOOK_CALL;
use crate::client::{Http, Request, positions};
use crate::model::{Behind, Positions, Reason};

/// Waits until every exporter has come to where processing was at the first look. On a cluster that never stands still, no
/// exporter ever catches up with the present.
pub(super) async fn caught_up(
    world: &World,
    probes: &[Request],
    end: Instant,
    limits: &Limits<'_>,
) -> Result<(), Ended> {
    let began = Instant::now();
    let mut target: Option<BTreeMap<u32, i64>> = None;
    let mut told = None;
    loop {
        let (records, cause) = match limits.until(ask(&world.http, probes)).await? {
            Ok(now) => {
                let behind = now.behind(target.get_or_insert_with(|| now.processed.clone()));
                if behind.is_empty() {
                    return Ok(());
                }
                (Some(behind.iter().map(|b| b.records).sum()), Behind::line(&behind))
            }
            Err(cause) => (None, cause),
        };
        if Instant::now() >= end {
            let detail = format!(
                "after {} s, exporters are still behind: {cause}; exporting was not paused",
                began.elapsed().as_secs()
            );
            return Err(Ended::Failed(Cause::release(Reason::ExporterLag, None, detail)));
        }
        if told.as_ref() != Some(&cause) {
            world.events.send(Happened::AwaitingExporters { records, state: cause.clone() });
            told = Some(cause);
        }
        limits.sleep(pace(began.elapsed(), false).min(end - Instant::now())).await?;
    }
}

/// All brokers together; one that cannot be asked may be the one that leads.
async fn ask(http: &Http, probes: &[Request]) -> Result<Positions, String> {
    let answers = join_all(probes.iter().map(|probe| async {
        let response = http.call(probe, LOOK_CALL).await.map_err(|e| e.to_string())?;
        positions(&response)
    }));
    Ok(Positions::merged(answers.await.into_iter().collect::<Result<Vec<_>, _>>()?))
}
