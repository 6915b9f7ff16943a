#include "app/assembled.h"

#include "api/core/measured.h"
#include "app/openapi.h"
#include "app/version.h"
#include "base/units.h"
#include "load/kept_files.h"
#include "load/run_moves.h"
#include "load/run_state.h"

#include <fmt/format.h>
#include <malloc.h>

namespace rowgate::app {
namespace {

constexpr std::uint64_t kManyRows = 10'000;  ///< a load of so many had memory that is worth giving back

/// What a load has freed goes back to the system, but for what the next one needs at once.
void give_back_memory() {
  ::malloc_trim(16 * kMiB);
}

/// Some workers are left to everything else, whatever is asked for.
unsigned places_of(const api::Settings& settings) {
  const unsigned most = std::max(1U, settings.server.workers / 2);
  return std::min(settings.limits.reports_at_once, most);
}

std::shared_ptr<const api::Configured> configured_as(api::Settings settings, const config::Config& config) {
  return std::make_shared<const api::Configured>(
      api::Configured{std::move(settings), config.catalog, config.reports});
}

}  // namespace

Assembled::Assembled(const Opened& at, api::Settings settings, store::LinkSigner link_signer, bool resumes)
    : at_(at),
      first_(configured_as(std::move(settings), at.config())),
      keep_(at.config().keep),
      signer(std::move(link_signer)),
      links(*at.database, *at.store, signer, clock_,
            {.spool = at.config().spool_path, .direct = direct_links_of(at.config(), *at.store)}),
      log(first_->settings.logs),
      metrics(first_->settings, first_->catalog),
      queue(
          *at.database, *at.store, first_->catalog, clock_,
          {.spool = at.config().spool_path,
           .queue_limit = first_->settings.limits.queue,
           .loads_at_once = first_->settings.limits.loads_at_once,
           .resumes = resumes},
          [this](const db::RunRecord& run) { note(run); },
          [this](const db::RunRecord& run, const Error& error) { note_not_kept(run, error); }),
      application(serve(first_)) {
  if (resumes && !at.config().server)
    watch_.emplace(*at.database, at.config().database_path, at.config().spool_path, kLockWait);
  application.current()->long_work = std::make_shared<api::Lane>(places_of(first_->settings));
}

std::shared_ptr<api::Service> Assembled::serve(std::shared_ptr<const api::Configured> configured) {
  const auto service =
      std::make_shared<api::Service>(api::Service{.settings = configured->settings,
                                                  .catalog = configured->catalog,
                                                  .reports = configured->reports,
                                                  .database = *at_.database,
                                                  .store = *at_.store,
                                                  .queue = queue,
                                                  .links = links,
                                                  .signer = signer,
                                                  .clock = clock_,
                                                  .metrics = metrics,
                                                  .log = log,
                                                  .spool = at_.config().spool_path,
                                                  .why_no_loads = [this] { return why_no_loads(); },
                                                  .configured = configured});
  service->measured = std::make_shared<api::Measured>(*service);
  return service;
}

/// What the queue takes a request for counts at least as much as what the request was judged by: so the
/// application comes last.
void Assembled::use(api::Settings settings, const config::Config& config) {
  const std::shared_ptr<const api::Configured> fresh = configured_as(std::move(settings), config);
  const std::shared_ptr<api::Service> before = application.current();
  const std::shared_ptr<api::Service> service = serve(fresh);
  service->long_work = before->long_work;
  service->is_turning = before->is_turning;
  service->is_draining = before->is_draining;
  service->reload = before->reload;

  const std::shared_ptr<const load::Catalog> catalog(fresh, &fresh->catalog);
  log.use(fresh->settings.logs);
  metrics.use(catalog);
  queue.use(catalog, fresh->settings.limits.queue);
  {
    const std::scoped_lock lock(mutex_);
    keep_ = config.keep;
  }
  application.replace(service);
}

void Assembled::note(const db::RunRecord& run) {
  metrics.run(run);
  log.run(run);
  if (!load::has_ended(run.status)) return;
  links.flush();  // the database may be there again
  recognize_database();
  if (run.rows_read >= kManyRows) give_back_memory();
}

void Assembled::recognize_database() {
  if (!watch_) return;
  const Result<void> found = watch_->recognize_after_load();
  if (found || !watch_->is_recognized()) tell_of_database(found);
}

std::string Assembled::why_no_loads() {
  if (!watch_) return {};
  const Result<void> found = watch_->check(queue.running() > 0);
  tell_of_database(found);
  if (found) return {};
  if (!watch_->is_recognized()) return "the database is not the one that it was";
  return fmt::format("{}: {}", text(found.error().code), info(found.error().code).title);
}

/// Once, however often it is found.
void Assembled::tell_of_database(const Result<void>& found) {
  const std::string words = found ? "" : found.error().message;
  {
    const std::scoped_lock lock(mutex_);
    if (words == told_of_database_) return;
    told_of_database_ = words;
  }
  if (!found) log.error(nullptr, found.error());
}

void Assembled::note_not_kept(const db::RunRecord& run, const Error& error) {
  metrics.storage_failed("keep_source");
  log.trouble(run, "not_kept", error);
}

void Assembled::tidy() {
  const config::Keep keep = [this] {
    const std::scoped_lock lock(mutex_);
    return keep_;
  }();
  const auto seconds = [](std::chrono::milliseconds time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time);
  };
  load::recover(at_.config().spool_path, *at_.database, clock_);
  links.flush();
  const Result<std::size_t> ended = links.sweep();
  if (!ended) log.error(nullptr, ended.error());
  const Result<void> swept = load::sweep(
      *at_.store,
      {.reports = seconds(keep.reports), .rejects = seconds(keep.rejects), .sources = seconds(keep.sources)},
      clock_.now());
  if (!swept) {
    metrics.storage_failed("sweep");
    log.error(nullptr, swept.error());
  }
}

Result<std::string> describe_program(api::Settings& settings) {
  TRY_ASSIGN(std::string openapi, openapi_json());
  settings.version = kVersion;
  settings.openapi_yaml = openapi_yaml();
  return openapi;
}

/// It has eight arenas for each CPU. A load has threads of its own, which take one arena after the other, so
/// that after some loads each would keep the memory of a whole one. Blocks from the threshold on go back to
/// the system; by itself it would rise to 32 MiB.
void keep_little_memory() {
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

}  // namespace rowgate::app
