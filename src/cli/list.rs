//! `list`: the backups, joined over all components.

use std::cmp::Reverse;

use super::rights::Needs;
use super::set_args::{ListArgs, Sort};
use super::{Context, sets};
use crate::catalogue::{self, Set, SetState};
use crate::cluster::rights::Command;
use crate::exit::Exit;
use crate::render::Document;
use crate::survey::open_sets;

pub(crate) async fn run(context: &Context, args: ListArgs) -> Exit {
    match list(context, args).await {
        Ok(exit) | Err(exit) => exit,
    }
}

async fn list(context: &Context, args: ListArgs) -> Result<Exit, Exit> {
    let by_contents = matches!(args.sort, Sort::Size | Sort::Duration);
    if by_contents && !args.sizes {
        return Err(context.fail(Exit::Usage, "this order needs --sizes, which opens every snapshot"));
    }
    let setup = sets::release(context, &args.release, Needs::late(Command::List)).await?;
    let mut looked = sets::look(context, &setup).await?;
    // Opened is only what will be shown, unless the order depends on it.
    let mut shown =
        if by_contents { chosen(looked.sets, &args, false) } else { chosen(looked.sets, &args, true) };
    if args.sizes {
        let ids = shown.iter().map(|s| s.id).collect();
        if let Some(problem) = open_sets(&setup.http, &setup.request, &mut looked.facts, &ids, true).await {
            context.console.warn(&format!("not all snapshots could be opened: {problem}"));
        }
        shown = catalogue::sets(&looked.facts, &setup.expected_parts(&looked.facts));
        shown.retain(|s| ids.contains(&s.id));
        shown = chosen(shown, &args, true);
    }
    context.print(&Document::Sets(&shown));
    Ok(Exit::Done)
}

fn chosen(mut sets: Vec<Set>, args: &ListArgs, limited: bool) -> Vec<Set> {
    let states: Vec<SetState> = args.state.iter().map(|s| (*s).into()).collect();
    sets.retain(|s| states.is_empty() || states.contains(&s.state));
    match args.sort {
        Sort::Id => sets.sort_by_key(|s| Reverse(s.id)),
        Sort::Started => sets.sort_by_key(|s| Reverse((s.started, s.id))),
        Sort::Duration => sets.sort_by_key(|s| Reverse((s.duration, s.id))),
        Sort::Size => sets.sort_by_key(|s| Reverse((s.bytes, s.id))),
        Sort::State => sets.sort_by_key(|s| (s.state, Reverse(s.id))),
    }
    if args.reverse {
        sets.reverse();
    }
    if let (Some(limit), true) = (args.limit, limited) {
        sets.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    }
    sets
}
