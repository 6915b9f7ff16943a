#include "api/core/log.h"

#include "api/core/call.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

#include <fmt/format.h>
#include <openssl/rand.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <unistd.h>

#include <array>
#include <atomic>

namespace rowgate::api {
namespace {

using Level = Log::Level;

std::string_view level_name(Level level) {
  constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warn", "error"};
  return kNames[static_cast<std::size_t>(level)];
}

/// One line: for machines {"ts": ...}, for people "12:00:00.250 info  message  name=value".
class Line {
 public:
  Line(bool pretty, Level level, std::string_view event, std::string_view message) : pretty_(pretty) {
    const std::string now = to_rfc3339(SystemClock().now());
    if (pretty_) {
      text_ = fmt::format("{} {:<5} {}", now.substr(11, 12), level_name(level), shown(message, 400));
      return;
    }
    text_ = fmt::format(R"({{"ts":"{}","level":"{}","event":"{}","msg":)", now, level_name(level), event);
    append_json_string(text_, message);
  }

  void add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    if (pretty_) {
      text_ += fmt::format("  {}={}", name, shown(value, 200));
      return;
    }
    text_ += fmt::format(",\"{}\":", name);
    append_json_string(text_, value);
  }
  template <class Number>
  void add_number(std::string_view name, Number value) {
    text_ += fmt::format(fmt::runtime(pretty_ ? "  {}={}" : ",\"{}\":{}"), name, value);
  }
  /// What only machines read.
  void add_detail(std::string_view name, std::string_view value) {
    if (!pretty_) add(name, value);
  }

  bool is_pretty() const { return pretty_; }
  std::string end() && { return std::move(pretty_ ? text_ : text_ += '}'); }

 private:
  bool pretty_;
  std::string text_;
};

bool is_lower_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string random_hex(std::size_t bytes) {
  std::array<unsigned char, 16> random{};
  RAND_bytes(random.data(), static_cast<int>(bytes));
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += fmt::format("{:02x}", random[i]);
  return text;
}

/// The trace that the request belongs to (W3C Trace Context, version 00), or a new one.
std::string trace_id(const http::Request& request) {
  constexpr std::size_t kSize = 55, kIdAt = 3, kIdSize = 32;
  const std::string_view parent = request.header("traceparent").value_or(std::string_view());
  const std::string_view id = parent.size() == kSize ? parent.substr(kIdAt, kIdSize) : std::string_view();
  const bool valid = !id.empty() && parent.starts_with("00-") && parent[35] == '-' && parent[52] == '-' &&
                     is_lower_hex(id) && is_lower_hex(parent.substr(36, 16)) &&
                     is_lower_hex(parent.substr(53)) && id.find_first_not_of('0') != std::string_view::npos;
  return valid ? std::string(id) : random_hex(16);
}

/// What is asked every few seconds would drown the rest.
Level level_of(std::string_view route, const http::Exchange& exchange) {
  if (exchange.status >= 500) return Level::Error;
  return is_probe(route) ? Level::Debug : Level::Info;
}

double milliseconds(std::chrono::microseconds took) {
  return static_cast<double>(took.count()) / 1000.0;
}

}  // namespace

struct Log::State {
  std::shared_ptr<spdlog::logger> logger;
  bool has_terminal = false;
  std::atomic<bool> pretty = false;
  std::atomic<Level> least = Level::Info;

  void write(Level level, std::string line) const {
    constexpr std::array kLevels = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn,
                                    spdlog::level::err};
    logger->log(kLevels[static_cast<std::size_t>(level)], line);
  }
};

Log::Log(const LogSettings& settings, std::ostream* out) : state_(new State) {
  state_->has_terminal = out == nullptr && ::isatty(STDERR_FILENO) == 1;
  use(settings);
  std::shared_ptr<spdlog::sinks::sink> sink;
  if (out != nullptr)
    sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*out, true);
  else
    sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  state_->logger = std::make_shared<spdlog::logger>("rowgate", std::move(sink));
  state_->logger->set_pattern("%v");
  state_->logger->set_level(spdlog::level::trace);
}

Log::~Log() = default;

void Log::use(const LogSettings& settings) {
  using Format = LogSettings::Format;
  state_->pretty =
      settings.format == Format::Pretty || (settings.format == Format::Auto && state_->has_terminal);
  state_->least = settings.level;
}

void Log::event(Level level, std::string_view event, std::string_view message) {
  if (level < state_->least) return;
  state_->write(level, Line(state_->pretty, level, event, message).end());
}

void Log::request(const http::Request* request, std::string_view route, const http::Exchange& exchange) {
  const Level level = level_of(route, exchange);
  if (level < state_->least) return;
  const bool is_read = request != nullptr && !request->method.empty();
  const std::string what = is_read
                               ? fmt::format("{} {} {}", request->method, request->path(), exchange.status)
                               : fmt::format("unreadable request {}", exchange.status);
  Line line(state_->pretty, level, "request", what);
  if (request != nullptr) {
    line.add_detail("request_id", request->id);
    line.add_detail("remote", request->remote_address);
  }
  if (is_read) {
    line.add_detail("trace_id", trace_id(*request));
    line.add_detail("span_id", random_hex(8));
    line.add_detail("method", request->method);
    line.add_detail("path", request->path());
    line.add_detail("route", route);
    line.add("principal", request->principal);
  }
  if (!line.is_pretty()) line.add_number("status", exchange.status);
  line.add_number("ms", milliseconds(exchange.took));
  line.add_number("bytes", exchange.response_bytes);
  if (exchange.request_bytes > 0) line.add_number("bytes_in", exchange.request_bytes);
  if (exchange.aborted) line.add_number("aborted", true);
  state_->write(level, std::move(line).end());
}

void Log::error(const http::Request* request, const Error& error) {
  Line line(state_->pretty, Level::Error, "error", error.message);
  line.add("code", text(error.code));
  if (request != nullptr) line.add("request_id", request->id);
  state_->write(Level::Error, std::move(line).end());
}

void Log::trouble(const db::RunRecord& run, std::string_view event, const Error& error) {
  Line line(state_->pretty, Level::Error, event, error.message);
  line.add("run_id", run.id);
  line.add("code", text(error.code));
  state_->write(Level::Error, std::move(line).end());
}

void Log::run(const db::RunRecord& run) {
  const bool failed = run.error && info(run.error->code).http_status >= 500;
  const Level level = failed ? Level::Error : Level::Info;
  if (level < state_->least) return;
  Line line(
      state_->pretty, level, "run",
      fmt::format("{} {}{}{}", run.kind, db::name(run.status), run.table.empty() ? "" : ": ", run.table));
  line.add("run_id", run.id);
  line.add_detail("kind", run.kind);
  line.add_detail("status", db::name(run.status));
  line.add_detail("table", run.table);
  line.add_detail("principal", run.principal);
  if (run.error) line.add("code", text(run.error->code));
  if (failed) line.add("error", run.error->message);
  if (run.finished_at.micros != 0) {
    line.add_number("ms",
                    milliseconds(std::chrono::microseconds(run.finished_at.micros - run.started_at.micros)));
    line.add_number("bytes", run.file_bytes);
    line.add_number("rows", run.rows_read);
    line.add_number("accepted", run.rows_accepted);
    line.add_number("rejected", run.rows_rejected);
  }
  state_->write(level, std::move(line).end());
}

}  // namespace rowgate::api
