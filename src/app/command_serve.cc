#include "app/interrupt.h"
#include "app/openapi.h"
#include "app/opened.h"
#include "app/version.h"
#include "base/units.h"
#include "http/application.h"
#include "http/log.h"
#include "http/metrics.h"
#include "http/server.h"
#include "http/service.h"
#include "load/kept_files.h"
#include "load/run_moves.h"
#include "load/run_state.h"
#include "report/links.h"

#include <fmt/format.h>
#include <malloc.h>

#include <condition_variable>
#include <mutex>
#include <thread>

namespace rowgate::app {
namespace {

/// What requests that are under way have after the drain; a load stops earlier, at its next batch.
constexpr std::chrono::seconds kGrace{25};
constexpr std::chrono::hours kTidyEvery{1};
/// What the ledger could not take at once is seen by other servers only when it is in there.
constexpr std::chrono::seconds kFlushEvery{2};
constexpr std::uint64_t kManyRows = 10'000;  ///< a load of so many had memory that is worth giving back

/// glibc's malloc has eight arenas for each CPU and keeps what is freed in them. A load has threads of its
/// own, which take one arena after the other, so that after some loads each would keep the memory of a whole
/// one. Blocks from the threshold on go back to the system; by itself it would rise to 32 MiB.
void keep_little_memory() {
  ::mallopt(M_ARENA_MAX, 2);
  ::mallopt(M_MMAP_THRESHOLD, 256 * 1024);
}

/// What a load has freed goes back to the system, but for what the next one needs at once.
void give_back_memory() {
  ::malloc_trim(16 * kMiB);
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

/// Whoever can reach a server without keys can read and change every table.
Result<void> refuse_public_without_keys(const http::Settings& settings) {
  if (settings.needs_keys || settings.allow_public_without_auth) return {};
  for (const http::Listener& listener : settings.server.listeners)
    if (!is_loopback(listener.host))
      return fail(Code::ConfigInvalid,
                  fmt::format("the server would listen on {} without asking for keys", listener.host),
                  "set auth.mode: keys, listen on 127.0.0.1, or set auth.allow_public_without_auth: true");
  return {};
}

std::string address(const http::Settings& settings, const http::Listener& listener, std::uint16_t port) {
  const std::string host =
      listener.host.find(':') == std::string::npos ? listener.host : '[' + listener.host + ']';
  return fmt::format("{}://{}:{}", settings.server.tls_certificate ? "https" : "http", host, port);
}

/// Everything that a running server is made of; made in the order in which one needs the other.
class Serving {
 public:
  Serving(const Terminal& terminal, const Opened& at, http::Settings settings, store::LinkSigner signer)
      : terminal_(terminal),
        at_(at),
        settings_(std::move(settings)),
        signer_(std::move(signer)),
        links_(*at.database, *at.store, signer_, clock_,
               {.spool = at.config().spool_path, .direct = direct_links_of(at.config(), *at.store)}),
        log_(settings_.logs),
        metrics_(settings_, at.config().catalog),
        queue_(
            *at.database, *at.store, at.config().catalog, clock_,
            {.spool = at.config().spool_path,
             .queue_limit = settings_.limits.queue,
             .loads_at_once = settings_.limits.loads_at_once},
            [this](const db::RunRecord& run) { note(run); },
            [this](const db::RunRecord& run, const Error& error) { note_not_kept(run, error); }),
        service_{.settings = settings_,
                 .catalog = at.config().catalog,
                 .reports = at.config().reports,
                 .database = *at.database,
                 .store = *at.store,
                 .queue = queue_,
                 .links = links_,
                 .signer = signer_,
                 .clock = clock_,
                 .metrics = metrics_,
                 .log = log_,
                 .spool = at.config().spool_path,
                 .is_turning = [this] { return server_.is_turning(); },
                 .is_draining = [this] { return draining_.load(); }},
        application_(service_),
        server_(application_, settings_.server) {}

  Result<void> run(std::stop_token stop) {
    TRY(server_.listen());
    // Links name the port, which may have been any free one.
    if (settings_.server.listeners[0].port == 0)
      settings_.public_url = address(settings_, settings_.server.listeners[0], server_.ports()[0]);
    TRY(queue_.start());
    announce();
    {
      const std::jthread tidier([this](std::stop_token over) { tidy(over); });
      const std::jthread closer([this, stop](std::stop_token over) { close_when_asked(stop, over); });
      server_.run();
    }
    queue_.stop();
    log_.event(http::Log::Level::Info, "stopped", "the server has stopped");
    return {};
  }

 private:
  void note(const db::RunRecord& run) {
    metrics_.run(run);
    log_.run(run);
    links_.flush();
    if (load::has_ended(run.status) && run.rows_read >= kManyRows) give_back_memory();
  }

  void note_not_kept(const db::RunRecord& run, const Error& error) {
    metrics_.storage_failed("keep_source");
    log_.trouble(run, "not_kept", error);
  }

  void announce() {
    std::string where, all;
    for (std::size_t i = 0; i < server_.ports().size(); ++i) {
      const http::Listener& listener = settings_.server.listeners[i];
      const std::string at = address(settings_, listener, server_.ports()[i]);
      all += (i == 0 ? "" : ", ") + at;
      where += i == 0 ? at : fmt::format("   admin {}", at);
    }
    terminal_.say(fmt::format("rowgate {}  {}", kVersion, where));
    terminal_.say(fmt::format("  database  {}", at_.database->describe()));
    terminal_.say(fmt::format("  storage   {}", at_.config().storage_text()));
    terminal_.say(settings_.needs_keys ? fmt::format("  auth      {}", counted(settings_.keys.size(), "key"))
                                       : std::string("  auth      none: fine on a loopback address only"));
    if (terminal_.stderr_is_tty) terminal_.say("  Ctrl-C stops");
    log_.event(http::Log::Level::Info, "listening", all);
    if (!settings_.needs_keys && settings_.allow_public_without_auth)
      log_.event(http::Log::Level::Warn, "open", "everybody who can reach this address may do everything");
  }

  /// Not ready at once; after the drain no new connections, and loads stop at their next batch.
  void close_when_asked(std::stop_token asked, std::stop_token over) {
    wait(over, asked, std::nullopt);
    if (over.stop_requested()) return;
    draining_ = true;
    log_.event(http::Log::Level::Info, "stopping", "asked to stop");
    wait(over, {}, terminal_.stderr_is_tty ? std::chrono::milliseconds(0) : settings_.drain);
    server_.shut_down(kGrace);
    queue_.stop();
  }

  /// Until `over`, `also`, or `at_most`.
  void wait(const std::stop_token& over, const std::stop_token& also,
            std::optional<std::chrono::milliseconds> at_most) {
    std::unique_lock lock(mutex_);
    const std::stop_callback wake(also, [this] { changed_.notify_all(); });
    const auto done = [&] { return also.stop_requested(); };
    if (at_most)
      changed_.wait_for(lock, over, *at_most, done);
    else
      changed_.wait(lock, over, done);
  }

  void tidy(const std::stop_token& over) {
    const Keep& keep = at_.config().keep;
    const auto seconds = [](std::chrono::milliseconds time) {
      return std::chrono::duration_cast<std::chrono::seconds>(time);
    };
    while (!over.stop_requested()) {
      load::recover(at_.config().spool_path, *at_.database, clock_);
      links_.flush();
      const Result<std::size_t> links = links_.sweep();
      if (!links) log_.error(nullptr, links.error());
      const Result<void> swept = load::sweep(*at_.store,
                                             {.reports = seconds(keep.reports),
                                              .rejects = seconds(keep.rejects),
                                              .sources = seconds(keep.sources)},
                                             clock_.now());
      if (!swept) {
        metrics_.storage_failed("sweep");
        log_.error(nullptr, swept.error());
      }
      const auto next = std::chrono::steady_clock::now() + kTidyEvery;
      while (!over.stop_requested() && std::chrono::steady_clock::now() < next) {
        wait(over, {}, kFlushEvery);
        links_.flush();
      }
    }
  }

  const Terminal& terminal_;
  const Opened& at_;
  SystemClock clock_;
  http::Settings settings_;
  store::LinkSigner signer_;
  report::Links links_;
  http::Log log_;
  http::Metrics metrics_;
  load::RunQueue queue_;
  std::atomic<bool> draining_ = false;
  http::Service service_;
  http::RoutedApplication application_;
  http::Server server_;
  std::mutex mutex_;
  std::condition_variable_any changed_;
};

Result<void> serve(const Terminal& terminal, const Opened& at, http::Settings settings,
                   std::stop_token stop) {
  TRY(refuse_public_without_keys(settings));
  TRY_ASSIGN(const std::string openapi, openapi_json());
  settings.version = kVersion;
  settings.openapi_yaml = openapi_yaml();
  settings.openapi_json = openapi;
  TRY_ASSIGN(store::LinkSigner signer, make_link_signer(at.config()));
  const auto serving = std::make_unique<Serving>(terminal, at, std::move(settings), std::move(signer));
  return serving->run(std::move(stop));
}

}  // namespace

int command_serve(const Common& common, const std::optional<std::string>& listen) {
  keep_little_memory();
  const InterruptWatch watch(common.terminal);
  const std::optional<Opened> at = opened(common);
  if (!at) return kConfigFailed;
  http::Settings settings = at->config().service;
  if (listen) {
    const Result<http::Listener> listener = read_listener(*listen);
    if (!listener) return report_error(common.terminal, listener.error());
    settings.server.listeners[0] = *listener;
    settings.public_url = address(settings, *listener, listener->port);
  }
  const Result<void> served = serve(common.terminal, *at, std::move(settings), watch.token());
  return served ? 0 : report_error(common.terminal, served.error());
}

}  // namespace rowgate::app
