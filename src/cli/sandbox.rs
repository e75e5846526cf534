//! `sandbox`: a simulated release on loopback. Prints what to put into the environment, then serves until it is stopped.

use super::Context;
use super::args::{SandboxArgs, SandboxEngine};
use super::signals::listen;
use crate::exit::Exit;
use crate::model::{Component, Engine, Version};
use crate::run::Level;
use crate::sim::{FaultRule, Ports, Profile, Sim, Timings, serve};

/// A day between two backups of the history.
const DAY: u64 = 24 * 3600;

pub(crate) async fn run(context: &Context, args: SandboxArgs) -> Exit {
    let (cancel, _danger) = listen(context);
    let rules: Result<Vec<FaultRule>, _> = args.fault.iter().map(|f| f.parse()).collect();
    let rules = match rules {
        Ok(rules) => rules,
        Err(error) => return context.fail(Exit::Usage, format!("--fault: {error}")),
    };
    let profile = match chosen(&args) {
        Ok(profile) => profile,
        Err(text) => return context.fail(Exit::Usage, text),
    };
    if args.brokers == 0 || args.partitions == 0 {
        return context.fail(Exit::Usage, "a cluster has at least one broker and one partition");
    }
    let now = super::now_unix();
    let profile = Profile {
        brokers: args.brokers,
        partitions: args.partitions,
        history: (1..=args.history).rev().map(|days| now.saturating_sub(days * DAY)).collect(),
        now: super::timestamp(),
        timings: if args.quick { Timings::quick() } else { Timings::realistic() }.slowed(args.slow.max(1)),
        ..profile
    };
    let repository = profile.repository.clone();
    let sim = Sim::new(profile);
    for rule in rules {
        sim.inject(rule);
    }
    let mut ports = Ports::any();
    if args.port != 0 {
        for (i, component) in (0u16..).zip(sim.components()) {
            let Some(port) = args.port.checked_add(i) else {
                return context.fail(Exit::Usage, "--port: not enough ports above it");
            };
            ports = ports.with(component, port);
        }
    }
    let served = match serve(sim, args.listen, &ports).await {
        Ok(served) => served,
        Err(error) => {
            return context
                .fail(Exit::Preflight, format!("the sandbox cannot listen on {}: {error}", args.listen));
        }
    };
    context.write(|out| {
        let mut brokers = Vec::new();
        for (component, address) in &served.addresses {
            let variable = match component {
                Component::Operate => "OPERATE_MANAGEMENT_API",
                Component::Tasklist => "TASKLIST_MANAGEMENT_API",
                Component::Optimize => "OPTIMIZE_MANAGEMENT_API",
                Component::Gateway => "GATEWAY_MANAGEMENT_API",
                Component::Search => "ELASTIC_ENDPOINT",
                Component::Broker(_) => {
                    brokers.push(format!("http://{address}"));
                    continue;
                }
            };
            writeln!(out, "export {variable}=http://{address}")?;
        }
        writeln!(out, "export BROKER_MANAGEMENT_APIS={}", brokers.join(","))?;
        writeln!(out, "export ELASTIC_SNAPSHOT_REPOSITORY={repository}")
    });
    context.console.info("a simulated release is running; put the lines above into the environment of another shell, and stop it with Ctrl-C");
    cancel.reached(Level::Asked).await;
    served.shutdown().await;
    Exit::Done
}

/// The profile that was named, or that the version belongs to.
fn chosen(args: &SandboxArgs) -> Result<Profile, String> {
    let version = match args.camunda_version.as_deref().map(str::parse::<Version>).transpose() {
        Ok(version) => version,
        Err(error) => return Err(format!("--camunda-version: {error}")),
    };
    let line = version.as_ref().map_or((8, 6), Version::line);
    let name = args.profile.clone().unwrap_or_else(|| format!("{}.{}", line.0, line.1));
    // An unknown version may be tried, too: it behaves like the one that is known best.
    let profile = Profile::named(&name).or_else(|| Profile::named("8.6")).unwrap_or_default();
    let profile = match &args.camunda_version {
        Some(shown) => Profile { camunda_version: shown.clone(), ..profile },
        None => profile,
    };
    let profile = profile.on(match args.engine {
        SandboxEngine::Elasticsearch => Engine::Elasticsearch,
        SandboxEngine::Opensearch => Engine::OpenSearch,
    });
    Ok(if args.no_optimize { profile.without_optimize() } else { profile })
}
