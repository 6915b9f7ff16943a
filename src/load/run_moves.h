#pragma once

#include "db/run_record.h"

#include <cstdint>
#include <optional>

namespace rowgate::load {

/// What can happen to a run of the queue.
enum class RunEvent : std::uint8_t {
  BodyComplete,          ///< its file was received whole
  WorkerFree,            ///< its turn has come
  Committed,             ///< (a dry run: judged as good)
  CommittedWithRejects,  ///< the same, and some records were set aside
  Broke,                 ///< it cannot be loaded
  OutcomeLost,           ///< the answer to its commit did not come; what the ledger says later is its end
  CancelAsked,
  Stopping,   ///< the queue stops
  Restarted,  ///< its owner died or stopped, its file is whole
  BytesLost,  ///< the same, and its file is not
};

struct Move {
  db::RunStatus from;
  RunEvent on;
  db::RunStatus to;
};
inline constexpr Move kMoves[] = {
    {db::RunStatus::Receiving, RunEvent::BodyComplete, db::RunStatus::Queued},
    {db::RunStatus::Receiving, RunEvent::CancelAsked, db::RunStatus::Cancelled},
    {db::RunStatus::Receiving, RunEvent::BytesLost, db::RunStatus::Interrupted},
    {db::RunStatus::Queued, RunEvent::WorkerFree, db::RunStatus::Running},
    {db::RunStatus::Queued, RunEvent::CancelAsked, db::RunStatus::Cancelled},
    {db::RunStatus::Queued, RunEvent::Restarted, db::RunStatus::Queued},
    {db::RunStatus::Queued, RunEvent::BytesLost, db::RunStatus::Interrupted},
    {db::RunStatus::Running, RunEvent::Committed, db::RunStatus::Succeeded},
    {db::RunStatus::Running, RunEvent::CommittedWithRejects, db::RunStatus::SucceededWithRejects},
    {db::RunStatus::Running, RunEvent::Broke, db::RunStatus::Failed},
    {db::RunStatus::Running, RunEvent::CancelAsked, db::RunStatus::Cancelled},
    {db::RunStatus::Running, RunEvent::OutcomeLost, db::RunStatus::Undecided},
    {db::RunStatus::Undecided, RunEvent::Committed, db::RunStatus::Succeeded},
    {db::RunStatus::Undecided, RunEvent::CommittedWithRejects, db::RunStatus::SucceededWithRejects},
    {db::RunStatus::Undecided, RunEvent::Broke, db::RunStatus::Failed},
    {db::RunStatus::Running, RunEvent::Stopping, db::RunStatus::Interrupted},
    {db::RunStatus::Running, RunEvent::Restarted,
     db::RunStatus::Queued},  // its transaction died with its owner
    {db::RunStatus::Running, RunEvent::BytesLost, db::RunStatus::Interrupted},
    {db::RunStatus::Interrupted, RunEvent::Restarted, db::RunStatus::Queued},
    {db::RunStatus::Interrupted, RunEvent::BytesLost, db::RunStatus::Interrupted},
};

/// Where the run goes; nullopt for a move that there is not.
constexpr std::optional<db::RunStatus> next(db::RunStatus from, RunEvent on) {
  for (const Move& move : kMoves)
    if (move.from == from && move.on == on) return move.to;
  return std::nullopt;
}

/// Nothing happens any more to a run in this state, but that an interrupted one may be taken up again.
constexpr bool has_ended(db::RunStatus status) {
  return status != db::RunStatus::Receiving && status != db::RunStatus::Queued &&
         status != db::RunStatus::Running && status != db::RunStatus::Undecided;
}

static_assert(!next(db::RunStatus::Succeeded, RunEvent::CancelAsked), "a committed load stays committed");
static_assert(!next(db::RunStatus::Succeeded, RunEvent::Restarted), "and is not done twice");
static_assert(!next(db::RunStatus::SucceededWithRejects, RunEvent::Restarted));
static_assert(!next(db::RunStatus::Failed, RunEvent::Restarted), "a verdict stands");
static_assert(!next(db::RunStatus::Undecided, RunEvent::Restarted), "only the ledger decides it");
static_assert(!next(db::RunStatus::Undecided, RunEvent::BytesLost));
static_assert(!next(db::RunStatus::Receiving, RunEvent::Restarted), "what was not whole cannot go on");
static_assert(!next(db::RunStatus::Receiving, RunEvent::WorkerFree), "nothing is loaded before it is whole");

}  // namespace rowgate::load
