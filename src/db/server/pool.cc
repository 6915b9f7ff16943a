#include "db/server/pool.h"

#include "db/server/ledger.h"

namespace rowgate::db::server {

Result<Pool::Taken> Pool::take() {
  {
    const std::scoped_lock lock(mutex_);
    if (!idle_.empty()) {
      Taken taken{std::move(idle_.back()), true};
      idle_.pop_back();
      return taken;
    }
  }
  TRY_ASSIGN(std::unique_ptr<Session> session, engine_.connect(Access::Write));
  return Taken{std::move(session), false};
}

void Pool::give_back(std::unique_ptr<Session> session) {
  if (session->is_lost()) return;
  const std::scoped_lock lock(mutex_);
  if (idle_.size() < limit_) idle_.push_back(std::move(session));
}

Result<void> Pool::make_ledger(Session& session) {
  if (has_ledger_) return {};
  TRY_ASSIGN(const bool exists, has_ledger(engine_, session));
  if (!exists)
    TRY(make_own_tables(engine_, session));
  else
    TRY(make_identity(session));
  has_ledger_ = true;
  return {};
}

Result<void> Pool::change(const std::function<Result<void>(Session&)>& work) {
  for (bool again = false;; again = true) {
    TRY_ASSIGN(Taken taken, take());
    Session& session = *taken.session;
    const auto attempt = [&]() -> Result<void> {
      TRY(make_ledger(session));
      TRY(engine_.begin(session));
      TRY(work(session));
      TRY(session.run("COMMIT"));
      return {};
    };
    Result<void> done = attempt();
    if (done) {
      give_back(std::move(taken.session));
      return done;  // an error closes the connection, which rolls back
    }
    const bool stale = session.is_lost() && taken.was_used;
    if ((!stale && done.error().code != Code::DatabaseDeadlock) || again) return done;
  }
}

}  // namespace rowgate::db::server
