#include "app/assembled.h"
#include "app/reload.h"
#include "app/version.h"
#include "cli/command_support.h"
#include "cli/terminal/interrupt.h"
#include "config/key_file.h"
#include "http/server.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/resource.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <thread>

namespace rowgate::cli {
namespace {

/// What requests that are under way have after the drain; a load stops earlier, at its next batch.
constexpr std::chrono::seconds kGrace{25};
/// So long before that what is still being answered is given up.
constexpr std::chrono::seconds kBeforeTheEnd{8};
constexpr std::chrono::hours kTidyEvery{1};
/// What the ledger could not take at once is seen by other servers only when it is in there.
constexpr std::chrono::seconds kFlushEvery{2};

std::string address(const api::Settings& settings, const http::Listener& listener, std::uint16_t port) {
  const std::string host =
      listener.host.find(':') == std::string::npos ? listener.host : '[' + listener.host + ']';
  return fmt::format("{}://{}:{}", settings.server.tls_certificate && !listener.is_admin ? "https" : "http",
                     host, port);
}

/// Descriptors beside those of connections: the database, the spool, files of loads and answers.
constexpr rlim_t kOtherFiles = 256;

/// Takes what the system grants, and serves no more connections than fit into that. What was lowered, in
/// words.
std::string fit_open_files(api::Settings& settings) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
  if (limit.rlim_cur < limit.rlim_max) {
    rlimit raised = limit;
    raised.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
  }

  std::size_t& most = settings.server.max_connections;
  if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= most + kOtherFiles) return {};
  const std::size_t wanted = most;
  most = std::max<std::size_t>(
      4, limit.rlim_cur > 2 * kOtherFiles ? limit.rlim_cur - kOtherFiles : limit.rlim_cur / 2);
  return fmt::format("the process may open {} files: server.max_connections is {} instead of {}",
                     static_cast<std::uint64_t>(limit.rlim_cur), most, wanted);
}

/// Hands SIGHUP to the server that runs, if one does.
class Hangup {
 public:
  void ring() {
    const std::scoped_lock lock(mutex_);
    if (reload_) reload_();
  }
  void lead_to(std::function<void()> reload) {
    const std::scoped_lock lock(mutex_);
    reload_ = std::move(reload);
  }

 private:
  std::mutex mutex_;
  std::function<void()> reload_;
};

/// Ends the process though something in it waits for ever: for a database that is silent, a disk that hangs.
/// Nothing is lost by that, as by any other sudden end: loads that were not committed go on at the next
/// start.
class LastResort {
 public:
  /// From now on the process has `grace` to end. Shortly before that the database is not waited for any more.
  void arm(std::chrono::milliseconds grace, db::Database& database, const api::LogSettings& logs) {
    const auto end = std::chrono::steady_clock::now() + grace;
    database_ = &database;
    thread_ = std::jthread([this, end, logs](const std::stop_token& over) {
      if (!wait(over, end - kWithoutDatabase)) return;
      api::Log log(logs);  // that of the server may be gone
      log.event(api::Log::Level::Warn, "stopping", "the database is not waited for any more");
      {
        const std::scoped_lock lock(mutex_);
        if (database_ != nullptr) database_->stop_waiting();
      }
      if (!wait(over, end)) return;
      log.event(api::Log::Level::Error, "stopped", "something still waits; the process ends without it");
      std::_Exit(0);
    });
  }
  /// The database is about to be closed.
  void forget_database() {
    const std::scoped_lock lock(mutex_);
    database_ = nullptr;
  }

 private:
  /// Less than kBeforeTheEnd, so that statements that nobody wants any more can be ended first.
  static constexpr std::chrono::seconds kWithoutDatabase{3};
  /// False when everything has ended before.
  bool wait(const std::stop_token& over, std::chrono::steady_clock::time_point until) {
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, over, until, [] { return false; });
    return !over.stop_requested();
  }

  std::mutex mutex_;
  std::condition_variable_any changed_;
  db::Database* database_ = nullptr;  ///< guarded by mutex_
  std::jthread thread_;
};

/// A running server.
class Serving {
 public:
  Serving(const Terminal& terminal, const app::Opened& at, api::Settings settings, store::LinkSigner signer,
          LastResort& last_resort)
      : terminal_(terminal),
        last_resort_(last_resort),
        at_(at),
        parts_(at, std::move(settings), std::move(signer), true),
        server_(parts_.application, parts_.configured()->settings.server) {
    api::Service& service = *parts_.application.current();
    service.is_turning = [this] { return server_.is_turning(); };
    service.is_draining = [this] { return draining_.load(); };
  }

  /// What `read` gives is to be taken over whenever that is asked for.
  void reload_from(std::function<std::expected<config::LoadedConfig, std::vector<Error>>()> read) {
    read_ = std::move(read);
    parts_.application.current()->reload = [this] { return reload(); };
  }

  Result<void> run(std::stop_token stop) {
    parts_.metrics.config_reloaded(true, SystemClock().now());
    TRY(server_.listen());
    name_the_port();
    parts_.recognize_database();
    parts_.queue.start();
    announce();
    {
      const std::jthread tidier([this](std::stop_token over) { tidy(over); });
      const std::jthread closer([this, stop](std::stop_token over) { close_when_asked(stop, over); });
      server_.run();
    }
    parts_.queue.stop();
    parts_.log.event(api::Log::Level::Info, "stopped", "the server has stopped");
    return {};
  }

  /// Reads the configuration again and takes over all that can change while the server runs, at once. Where
  /// anything is wrong with it, nothing changes.
  std::expected<api::Reloaded, std::vector<Error>> reload() {
    const std::scoped_lock lock(reloading_);
    std::expected<api::Reloaded, std::vector<Error>> done = take_over(read_());
    parts_.metrics.config_reloaded(done.has_value(), SystemClock().now());
    if (!done) {
      for (const Error& error : done.error())
        parts_.log.event(api::Log::Level::Error, "reload_failed",
                         "the configuration stays as it was: " + to_text(error));
      return done;
    }

    std::string words =
        fmt::format("the configuration was read again: {}, {}, {}", counted(done->tables, "table"),
                    counted(done->reports, "report"), counted(done->keys, "key"));
    if (!done->taken.empty()) words += fmt::format("; changed: {}", fmt::join(done->taken, ", "));
    if (!done->needs_restart.empty())
      words += fmt::format("; these settings need a restart: {}", fmt::join(done->needs_restart, ", "));
    parts_.log.event(api::Log::Level::Info, "reloaded", words);
    return done;
  }
  void warn(const std::string& event, const std::string& words) {
    if (!words.empty()) parts_.log.event(api::Log::Level::Warn, event, words);
  }

 private:
  std::expected<api::Reloaded, std::vector<Error>> take_over(
      std::expected<config::LoadedConfig, std::vector<Error>> fresh) {
    if (!fresh) return std::unexpected(std::move(fresh).error());
    api::Settings settings =
        app::settings_to_take(fresh->config.service, parts_.configured()->settings, own_url_);
    if (Result<void> judged = app::refuse_public_without_keys(settings); !judged)
      return std::unexpected(std::vector<Error>{std::move(judged).error()});

    api::Reloaded told = app::differences(at_.loaded, last_ ? *last_ : at_.loaded, *fresh);
    parts_.use(std::move(settings), fresh->config);
    last_ = *std::move(fresh);
    return told;
  }

  /// Links name the port, which may have been any free one.
  void name_the_port() {
    api::Settings settings = parts_.configured()->settings;
    const bool is_known = !settings.is_public_url_given && settings.server.listeners[0].port != 0;
    own_url_ =
        is_known ? settings.public_url : address(settings, settings.server.listeners[0], server_.ports()[0]);
    if (settings.is_public_url_given || is_known) return;
    settings.public_url = own_url_;
    parts_.use(std::move(settings), at_.config());
  }

  void announce() {
    const std::shared_ptr<const api::Configured> configured = parts_.configured();
    const api::Settings& settings = configured->settings;
    std::string where, all;
    for (std::size_t i = 0; i < server_.ports().size(); ++i) {
      const http::Listener& listener = settings.server.listeners[i];
      const std::string at = address(settings, listener, server_.ports()[i]);
      all += (i == 0 ? "" : ", ") + at;
      where += i == 0 ? at : fmt::format("   admin {}", at);
    }
    terminal_.say(fmt::format("rowgate {}  {}", app::kVersion, where));
    terminal_.say(fmt::format("  database  {}", at_.database->describe()));
    terminal_.say(fmt::format("  storage   {}", at_.config().storage_text()));
    terminal_.say(settings.needs_keys ? fmt::format("  auth      {}", counted(settings.keys.size(), "key"))
                                      : std::string("  auth      none: fine on a loopback address only"));
    if (terminal_.stderr_is_tty) terminal_.say("  Ctrl-C stops");
    if (const std::string words = config::key_file_warning(settings); !words.empty())
      parts_.log.event(api::Log::Level::Warn, "tls_key", words);
    parts_.log.event(api::Log::Level::Info, "listening", all);
    if (!settings.needs_keys && settings.allow_public_without_auth)
      parts_.log.event(api::Log::Level::Warn, "open",
                       "everybody who can reach this address may do everything");
  }

  /// Not ready at once; after the drain no new connections, and loads stop at their next batch.
  void close_when_asked(std::stop_token asked, std::stop_token over) {
    wait(over, asked, std::nullopt);
    if (over.stop_requested()) return;
    draining_ = true;
    parts_.log.event(api::Log::Level::Info, "stopping", "asked to stop");
    wait(over, {},
         terminal_.stderr_is_tty ? std::chrono::milliseconds(0) : parts_.configured()->settings.drain);
    last_resort_.arm(kGrace, *at_.database, parts_.configured()->settings.logs);
    server_.shut_down(kGrace - kBeforeTheEnd);
    parts_.queue.stop();
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
    while (!over.stop_requested()) {
      parts_.tidy();
      const auto next = std::chrono::steady_clock::now() + kTidyEvery;
      while (!over.stop_requested() && std::chrono::steady_clock::now() < next) {
        wait(over, {}, kFlushEvery);
        parts_.links.flush();
      }
    }
  }

  const Terminal& terminal_;
  LastResort& last_resort_;
  const app::Opened& at_;
  std::atomic<bool> draining_ = false;
  app::Assembled parts_;
  http::Server server_;
  std::function<std::expected<config::LoadedConfig, std::vector<Error>>()> read_;
  std::string own_url_;  ///< where it listens
  std::mutex reloading_;
  std::optional<config::LoadedConfig> last_;  ///< guarded by reloading_; what was taken over last
  std::mutex mutex_;
  std::condition_variable_any changed_;
};

Result<void> serve(const Common& common, const app::Opened& at, api::Settings settings, Hangup& hangup,
                   LastResort& last_resort, std::stop_token stop) {
  TRY(app::refuse_public_without_keys(settings));
  app::close_to_other_sites(settings);
  const std::string few_files = fit_open_files(settings);
  TRY_ASSIGN(const std::string openapi, app::describe_program(settings));
  settings.openapi_json = openapi;
  TRY_ASSIGN(store::LinkSigner signer, app::make_link_signer(at.config()));
  const auto serving =
      std::make_unique<Serving>(common.terminal, at, std::move(settings), std::move(signer), last_resort);
  serving->warn("open_files", few_files);
  if (!at.loaded.passed_over.empty())
    serving->warn("environment",
                  fmt::format("variables of Kubernetes that are no settings were passed over: {}",
                              fmt::join(at.loaded.passed_over, ", ")));
  serving->reload_from(
      [&] { return common.to ? config::adhoc_config(*common.to) : config::load_config(common.config_file); });
  hangup.lead_to([&] { [[maybe_unused]] const auto reloaded = serving->reload(); });  // the log tells it
  const Result<void> served = serving->run(std::move(stop));
  hangup.lead_to({});
  return served;
}

}  // namespace

int command_serve(const Common& common, const std::optional<std::string>& listen) {
  app::keep_little_memory();
  Hangup hangup;
  const InterruptWatch watch(common.terminal, [&hangup] { hangup.ring(); });
  LastResort last_resort;  // also while what is opened is closed
  const std::optional<app::Opened> at = opened(common);
  if (!at) return kConfigFailed;
  api::Settings settings = at->config().service;
  if (listen) {
    const Result<http::Listener> listener = config::read_listener(*listen);
    if (!listener) return report_error(common.terminal, listener.error());
    settings.server.listeners[0] = *listener;
    if (!settings.is_public_url_given) settings.public_url = address(settings, *listener, listener->port);
  }
  const Result<void> served = serve(common, *at, std::move(settings), hangup, last_resort, watch.token());
  last_resort.forget_database();
  return served ? 0 : report_error(common.terminal, served.error());
}

}  // namespace rowgate::cli
