#include "app/assembled.h"
#include "io/descriptor.h"
#include "lambda/handler.h"
#include "lambda/runtime_api.h"
#include "net/http_client.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>

namespace rowgate::cli {
namespace {

/// The file system of a function is read-only but for this, and is not kept.
constexpr auto kScratch = "/tmp/rowgate";
constexpr int kGivenUp = 70;

std::string runtime_address() {
  const char* address = std::getenv(kRuntimeVariable);
  return address == nullptr ? std::string() : std::string(address);
}

lambda::Failure failure_of(const Error& error) {
  return {std::string(text(error.code)), to_text(error)};
}

/// Who may invoke the function is for its gateway to say, which rowgate cannot see.
Result<void> refuse_open(const api::Settings& settings) {
  if (settings.needs_keys || settings.allow_public_without_auth) return {};
  return fail(Code::ConfigInvalid, "the function would answer everybody who can invoke it",
              "set auth.mode: keys, or auth.allow_public_without_auth: true where its gateway asks for keys");
}

/// The process whose folder it is has ended; this one has nothing in its own folder yet.
bool is_left_over(const std::string& name) {
  pid_t process = 0;
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data(), end, process);
  if (error != std::errc() || stop != end || process <= 0) return false;
  return process == ::getpid() || (::kill(process, 0) != 0 && errno == ESRCH);
}

/// A folder of this process alone. What others before it left there is of runs that nobody can go on with.
std::filesystem::path own_spool(const std::filesystem::path& configured) {
  const std::filesystem::path shared =
      configured.string().starts_with("/tmp/") ? configured : std::filesystem::path(kScratch);
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(shared, ignored))
    if (is_left_over(entry.path().filename().string())) std::filesystem::remove_all(entry.path(), ignored);
  return shared / std::to_string(::getpid());
}

/// One load at a time, which is waited for, and no body that the invocation cannot carry.
api::Settings settings_for_lambda(const config::Config& config) {
  api::Settings settings = config.service;
  settings.limits.carried_bytes = config.lambda.max_body_bytes;
  settings.limits.loads_at_once = 1;
  settings.is_called_by_events = true;
  return settings;
}

lambda::Handler::Settings handler_settings(const config::Config& config) {
  lambda::Handler::Settings settings{.max_body_bytes = config.lambda.max_body_bytes,
                                     .max_answer_bytes = config.lambda.max_answer_bytes,
                                     .uses_own_url = config.service.is_public_url_given};
  if (config.s3) {
    settings.bucket = config.s3->bucket;
    settings.prefix = config.s3->prefix;
  }
  return settings;
}

Result<void> serve(lambda::RuntimeApi& api, const app::Opened& at) {
  TRY(refuse_open(at.config().service));
  TRY(io::make_folders(at.config().spool_path));
  api::Settings settings = settings_for_lambda(at.config());
  TRY_ASSIGN(const std::string openapi, app::describe_program(settings));
  settings.openapi_json = openapi;
  TRY_ASSIGN(store::LinkSigner signer, app::make_link_signer(at.config()));
  app::Assembled parts(at, std::move(settings), std::move(signer), false);
  parts.queue.start();
  http::InProcess service(parts.application, at.config().lambda.max_answer_bytes);
  lambda::Handler handler(
      service, handler_settings(at.config()), [&parts] { parts.queue.interrupt(); },
      [&parts] { parts.tidy(); });
  const Result<void> over = lambda::run(api, handler, [&parts] { parts.links.flush(); });
  if (over) std::_Exit(kGivenUp);  // what hangs in the database ends with its connection
  return over;
}

/// The configuration, with a spool where a function may write; all that is wrong with it as one failure.
std::expected<config::LoadedConfig, lambda::Failure> config_for_lambda(const Common& common) {
  std::expected<config::LoadedConfig, std::vector<Error>> loaded = config::load_config(common.config_file);
  if (loaded) {
    loaded->config.spool_path = own_spool(loaded->config.spool_path);
    return *std::move(loaded);
  }
  std::string all;
  for (const Error& error : loaded.error()) all += (all.empty() ? "" : "; ") + to_text(error);
  return std::unexpected(lambda::Failure{std::string(text(Code::ConfigInvalid)), std::move(all)});
}

}  // namespace

int command_lambda(const Common& common) {
  app::keep_little_memory();
  const std::string address = runtime_address();
  if (address.empty())
    return report_error(common.terminal,
                        {Code::RequestInvalid,
                         fmt::format("{} is not set, so this is no function of AWS Lambda", kRuntimeVariable),
                         "rowgate serve starts a server"});
  lambda::RuntimeApi api(net::curl_client(), address);
  std::expected<config::LoadedConfig, lambda::Failure> loaded = config_for_lambda(common);
  if (!loaded) {
    (void)api.fail_at_start(loaded.error());
    return report_error(common.terminal, {Code::ConfigInvalid, loaded.error().message});
  }
  const app::Opened at = app::open_loaded(*std::move(loaded));
  const Result<void> served = serve(api, at);
  if (served) return 0;
  (void)api.fail_at_start(failure_of(served.error()));
  return report_error(common.terminal, served.error());
}

}  // namespace rowgate::cli
