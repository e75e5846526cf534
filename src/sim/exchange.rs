//! The way of one request: the fault that happens to it, its effect, its answer, and the log.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::{Answer, Reply};
use super::fault::Fault;
use super::incoming::Incoming;
use super::log::{Exchange, Outcome};
use super::release::Sim;
use super::rule::FaultRule;
use crate::client::{Request, TransportError};
use crate::model::Component;

/// The rules in force, and how many requests each has seen.
#[derive(Debug, Default)]
pub(super) struct Rules(Vec<(FaultRule, usize)>);

impl Rules {
    pub(super) fn add(&mut self, rule: FaultRule) {
        self.0.push((rule, 0));
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &FaultRule> {
        self.0.iter().map(|(rule, _)| rule)
    }

    /// Counts the request in every rule, and returns the fault of the first one that is due.
    fn due(&mut self, request: &Request) -> Option<Fault> {
        let mut due = None;
        for (rule, seen) in self.0.iter_mut().filter(|(rule, _)| rule.covers(request)) {
            if rule.happens(*seen) && due.is_none() {
                due = Some(rule.fault.clone());
            }
            *seen += 1;
        }
        due
    }
}

impl Sim {
    /// Sends one request. Its effect happens when this is first polled (except for [`Fault::Late`]), whether the caller
    /// waits for the answer or not: a request that has left is on its way.
    pub(super) async fn exchange(
        self: &Arc<Self>,
        client: &Arc<str>,
        incoming: Incoming,
    ) -> Result<Answer, TransportError> {
        let component = incoming.request.component;
        let (number, fault, latency) = self.arrive(client, &incoming.request);
        if !self.is_up(component) {
            return Err(refused());
        }
        match fault {
            Some(Fault::Refuse) => Err(refused()),
            Some(Fault::DropRequest) => Err(lost()),
            Some(Fault::Hang) => Err(self.until_down(component).await),
            Some(Fault::Panic) => panic!("simulated panic: {component} {}", incoming.full_path()),
            Some(Fault::Status(status, message)) => {
                self.note(number, |outcome| outcome.status = Some(status));
                self.wait(component, latency).await?;
                Ok(failed(component, status, message.as_deref()))
            }
            Some(Fault::Late(late)) => {
                // on its own, so that it happens also when the caller has given up
                let sim = Arc::clone(self);
                let work = tokio::spawn(async move {
                    sleep(late).await;
                    sim.is_up(component).then(|| sim.perform(number, &incoming, None))
                });
                let reply = work.await.ok().flatten().ok_or_else(lost)?;
                self.deliver(component, reply, latency).await
            }
            Some(Fault::DropAnswer) => {
                self.perform(number, &incoming, None);
                self.wait(component, latency).await?;
                Err(lost())
            }
            Some(Fault::Slow(slow)) => {
                let reply = self.perform(number, &incoming, None);
                self.deliver(component, reply, latency + slow).await
            }
            Some(Fault::EffectThenStatus(status)) => {
                let reply = self.perform(number, &incoming, None);
                self.note(number, |outcome| outcome.status = Some(status));
                let answer = Some(failed(component, status, None));
                self.deliver(component, Reply { answer, ..reply }, latency).await
            }
            shape => {
                let reply =
                    self.perform(number, &incoming, shape.as_ref().filter(|fault| fault.is_for_handler()));
                self.deliver(component, reply, latency).await
            }
        }
    }

    /// Logs the arrival, and says what will happen to it and how long its answer takes.
    fn arrive(&self, client: &Arc<str>, request: &Request) -> (usize, Option<Fault>, Duration) {
        let at = self.elapsed();
        let mut inner = self.lock();
        let fault = inner.rules.due(request);
        let outcome = Outcome { fault: fault.as_ref().map(Fault::to_string), ..Outcome::default() };
        let number =
            inner.log.push(Exchange { at, client: Arc::clone(client), request: request.clone(), outcome });
        let timings = inner.world.profile.timings;
        let exporting = request.path.starts_with("/actuator/exporting/");
        (number, fault, if exporting { timings.exporting } else { timings.answer })
    }

    /// The effect.
    fn perform(&self, number: usize, incoming: &Incoming, shape: Option<&Fault>) -> Reply {
        let now = self.now();
        let reply = self.lock().world.handle(incoming, shape, now);
        self.note(number, |outcome| {
            outcome.effect = reply.effect;
            outcome.status = reply.answer.as_ref().map(|answer| answer.status);
            outcome.envelope = reply.answer.as_ref().and_then(|answer| envelope(incoming, answer));
        });
        reply
    }

    /// The answer, in its time.
    async fn deliver(
        &self,
        component: Component,
        reply: Reply,
        latency: Duration,
    ) -> Result<Answer, TransportError> {
        match reply.answer {
            Some(answer) => {
                self.wait(component, latency.saturating_add(reply.after)).await?;
                Ok(answer)
            }
            None => Err(self.until_down(component).await),
        }
    }

    fn note(&self, number: usize, change: impl FnOnce(&mut Outcome)) {
        if let Some(outcome) = self.lock().log.outcome(number) {
            change(outcome);
        }
    }

    /// Waits, unless the process ends before: then the connection breaks.
    async fn wait(&self, component: Component, time: Duration) -> Result<(), TransportError> {
        if time.is_zero() {
            return Ok(());
        }
        let Some(deadline) = Instant::now().checked_add(time) else {
            return Err(self.until_down(component).await);
        };
        tokio::select! {
            () = sleep_until(deadline) => Ok(()),
            error = self.until_down(component) => Err(error),
        }
    }

    /// Waits until the process ends.
    pub(super) async fn until_down(&self, component: Component) -> TransportError {
        self.until(component, false).await;
        lost()
    }

    /// Waits until the process runs, or does not.
    pub(super) async fn until(&self, component: Component, up: bool) {
        let mut changes = self.changes().subscribe();
        while self.is_up(component) != up {
            if changes.changed().await.is_err() {
                // the sender lives in `self`: cannot be
                return;
            }
        }
    }
}

fn refused() -> TransportError {
    TransportError::NotSent("connection refused".to_owned())
}

fn lost() -> TransportError {
    TransportError::Lost("connection reset by peer".to_owned())
}

/// The status inside the envelope of pause and resume.
fn envelope(incoming: &Incoming, answer: &Answer) -> Option<u16> {
    if !incoming.path().starts_with("/actuator/exporting/") || answer.status != 200 {
        return None;
    }
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    body.get("status")?.as_u64()?.try_into().ok()
}

/// An error as this process would word it.
fn failed(component: Component, status: u16, message: Option<&str>) -> Answer {
    let message = message.unwrap_or("simulated failure");
    match (component, status) {
        (_, 204 | 304) => Answer::empty(status),
        (Component::Search, _) => Answer::engine(status, "simulated_exception", message),
        (Component::Optimize, _) => Answer::json(
            status,
            &json!({ "errorCode": "simulated", "errorMessage": message, "detailedMessage": message }),
        ),
        _ => Answer::message(status, message),
    }
}
