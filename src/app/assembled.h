#pragma once

#include "app/opened.h"
#include "http/application.h"
#include "http/log.h"
#include "http/metrics.h"
#include "load/run_queue.h"
#include "report/links.h"

namespace rowgate::app {

/// What answers requests, wherever they come from; made in the order in which one needs the other.
class Assembled {
 public:
  /// `resumes`: what was received lasts, and a load that is stopped goes on at the next start.
  Assembled(const Opened& at, http::Settings service_settings, store::LinkSigner link_signer, bool resumes);
  Assembled(const Assembled&) = delete;
  Assembled& operator=(const Assembled&) = delete;

  /// Settles what others left, ends what was kept for its time. To be called now and then.
  void tidy();

 private:
  void note(const db::RunRecord& run);
  void note_not_kept(const db::RunRecord& run, const Error& error);
  const Opened& at_;
  SystemClock clock_;

 public:
  http::Settings settings;
  store::LinkSigner signer;
  report::Links links;
  http::Log log;
  http::Metrics metrics;
  load::RunQueue queue;
  http::Service service;
  http::RoutedApplication application;
};

/// Sets version and API description; gives the latter as JSON, for settings.openapi_json to point to.
Result<std::string> describe_program(http::Settings& settings);

/// glibc's malloc is told to keep little of what is freed. To be called at the start.
void keep_little_memory();

}  // namespace rowgate::app
