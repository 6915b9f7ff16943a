#pragma once

#include "api/application.h"
#include "api/core/log.h"
#include "api/core/metrics.h"
#include "app/database_watch.h"
#include "app/opened.h"
#include "report/links.h"
#include "runs/run_queue.h"

#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace rowgate::app {

/// What answers requests, wherever they come from; made in the order in which one needs the other.
class Assembled {
 public:
  /// `resumes`: what was received lasts, and a load that is stopped goes on at the next start.
  Assembled(const Opened& at, api::Settings service_settings, store::LinkSigner link_signer, bool resumes);
  Assembled(const Assembled&) = delete;
  Assembled& operator=(const Assembled&) = delete;

  /// From now on this is configured. What has begun keeps what it began with. `settings` and the part of
  /// `config` that counts are copied.
  void use(api::Settings settings, const config::Config& config);
  /// What is configured now.
  std::shared_ptr<const api::Configured> configured() const { return application.current()->configured; }

  /// Looks whether the database is the one that it was, and tells the log where it is not.
  void recognize_database();

  /// Settles what others left, ends what was kept for its time. To be called now and then.
  void tidy();

 private:
  void note(const db::RunRecord& run);
  void note_not_kept(const db::RunRecord& run, const Error& error);
  std::string why_no_loads();
  void tell_of_database(const Result<void>& found);
  std::shared_ptr<api::Service> serve(std::shared_ptr<const api::Configured> configured);
  const Opened& at_;
  const std::shared_ptr<const api::Configured> first_;  ///< the queue and the metrics refer to it
  SystemClock clock_;
  std::mutex mutex_;
  config::Keep keep_;                   ///< guarded by mutex_
  std::optional<DatabaseWatch> watch_;  ///< of SQLite
  std::string told_of_database_;        ///< guarded by mutex_

 public:
  store::LinkSigner signer;
  report::Links links;
  api::Log log;
  api::Metrics metrics;
  runs::RunQueue queue;
  api::RoutedApplication application;
};

/// Sets version and API description; gives the latter as JSON, for settings.openapi_json to point to.
Result<std::string> describe_program(api::Settings& settings);

/// glibc's malloc is told to keep little of what is freed. To be called at the start.
void keep_little_memory();

}  // namespace rowgate::app
