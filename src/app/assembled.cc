#include "app/assembled.h"

#include "app/openapi.h"
#include "app/version.h"
#include "base/units.h"
#include "http/measured.h"
#include "load/kept_files.h"
#include "load/run_moves.h"
#include "load/run_state.h"

#include <malloc.h>

namespace rowgate::app {
namespace {

constexpr std::uint64_t kManyRows = 10'000;  ///< a load of so many had memory that is worth giving back

/// What a load has freed goes back to the system, but for what the next one needs at once.
void give_back_memory() {
  ::malloc_trim(16 * kMiB);
}

/// Some workers are left to everything else, whatever is asked for.
unsigned places_of(const http::Settings& settings) {
  const unsigned most = std::max(1U, settings.server.workers / 2);
  return std::min(settings.limits.reports_at_once, most);
}

}  // namespace

Assembled::Assembled(const Opened& at, http::Settings service_settings, store::LinkSigner link_signer,
                     bool resumes)
    : at_(at),
      settings(std::move(service_settings)),
      signer(std::move(link_signer)),
      links(*at.database, *at.store, signer, clock_,
            {.spool = at.config().spool_path, .direct = direct_links_of(at.config(), *at.store)}),
      log(settings.logs),
      metrics(settings, at.config().catalog),
      queue(
          *at.database, *at.store, at.config().catalog, clock_,
          {.spool = at.config().spool_path,
           .queue_limit = settings.limits.queue,
           .loads_at_once = settings.limits.loads_at_once,
           .resumes = resumes},
          [this](const db::RunRecord& run) { note(run); },
          [this](const db::RunRecord& run, const Error& error) { note_not_kept(run, error); }),
      service{.settings = settings,
              .catalog = at.config().catalog,
              .reports = at.config().reports,
              .database = *at.database,
              .store = *at.store,
              .queue = queue,
              .links = links,
              .signer = signer,
              .clock = clock_,
              .metrics = metrics,
              .log = log,
              .spool = at.config().spool_path,
              .long_work = std::make_shared<http::Lane>(places_of(settings))},
      application(service) {
  service.measured = std::make_shared<http::Measured>(service);
}

void Assembled::note(const db::RunRecord& run) {
  metrics.run(run);
  log.run(run);
  if (!load::has_ended(run.status)) return;
  links.flush();  // the database may be there again
  if (run.rows_read >= kManyRows) give_back_memory();
}

void Assembled::note_not_kept(const db::RunRecord& run, const Error& error) {
  metrics.storage_failed("keep_source");
  log.trouble(run, "not_kept", error);
}

void Assembled::tidy() {
  const Keep& keep = at_.config().keep;
  const auto seconds = [](std::chrono::milliseconds time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time);
  };
  load::recover(at_.config().spool_path, *at_.database, *at_.store, clock_);
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

Result<std::string> describe_program(http::Settings& settings) {
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
