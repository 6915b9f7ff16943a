#pragma once

#include "db/server/engine.h"

#include <atomic>
#include <functional>
#include <mutex>

namespace rowgate::db::server {

/// Sessions for short work that are kept for the next one; at most `limit` wait unused. Thread safe.
class Pool {
 public:
  Pool(const Engine& engine, std::size_t limit) : engine_(engine), limit_(limit) {}

  /// Only reads. A connection that broke while it waited is made anew, once.
  template <class T>
  Result<T> read(const std::function<Result<T>(Session&)>& work) {
    for (bool again = false;; again = true) {
      TRY_ASSIGN(Taken taken, take());
      Result<T> done = work(*taken.session);
      if (done) {
        give_back(std::move(taken.session));
        return done;
      }
      if (!taken.session->is_lost() || !taken.was_used || again) return done;
    }
  }
  /// A small change in a transaction of its own, in rowgate's own tables, which are made when missing. Waits
  /// for nobody for long: table.busy.
  Result<void> change(const std::function<Result<void>(Session&)>& work);
  /// Rowgate's own tables are there afterwards.
  Result<void> make_ledger(Session& session);

 private:
  struct Taken {
    std::unique_ptr<Session> session;
    bool was_used = false;
  };
  Result<Taken> take();
  void give_back(std::unique_ptr<Session> session);

  const Engine& engine_;
  std::size_t limit_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Session>> idle_;
  std::atomic<bool> has_ledger_ = false;
};

}  // namespace rowgate::db::server
