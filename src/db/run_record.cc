#include "db/run_record.h"

#include "base/json.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>

namespace rowgate::db {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 9> kStatusNames = {
    "receiving", "queued",    "running",     "succeeded", "succeeded_with_rejects",
    "failed",    "cancelled", "interrupted", "undecided"};

Json rejects_json(const RunRecord& run) {
  Json list = Json::array();
  for (const RejectGroup& group : run.rejects) {
    const CodeInfo& about = info(group.code);
    list.push_back({{"code", about.text},
                    {"kind", about.kind.empty() ? Json(nullptr) : Json(about.kind)},
                    {"field", group.field.empty() ? Json(nullptr) : Json(group.field)},
                    {"title", about.title},
                    {"count", group.count},
                    {"first_line", group.first_line}});
  }
  return list;
}

Json warnings_json(const RunRecord& run) {
  Json list = Json::array();
  for (const RunWarning& warning : run.warnings)
    list.push_back({{"code", text(warning.code)},
                    {"message", warning.message},
                    {"count", warning.count},
                    {"first_line", warning.first_line}});
  return list;
}

Json error_json(const std::optional<Error>& error) {
  if (!error) return nullptr;
  Json object = {{"code", text(error->code)}, {"message", error->message}};
  if (!error->hint.empty()) object["hint"] = error->hint;
  if (!error->file.empty()) object["file"] = error->file;
  if (error->at) {
    object["line"] = error->at->line;
    object["column"] = error->at->column;
  }
  return object;
}

/// Names from files may hold bytes that are not UTF-8; they become U+FFFD.
std::string json_text(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json or_null(const std::string& text) {
  return text.empty() ? Json(nullptr) : Json(text);
}
Json or_null(Timestamp at) {
  return at.micros == 0 ? Json(nullptr) : Json(to_rfc3339(at));
}

double seconds(const RunRecord& run) {
  if (run.finished_at.micros == 0 || run.started_at.micros == 0) return 0;
  const std::int64_t millis = (run.finished_at.micros - run.started_at.micros) / 1000;
  return static_cast<double>(millis) / 1000.0;
}

Json rows_json(const RunRecord& run) {
  Json rows = {{"read", run.rows_read},
               {"accepted", run.rows_accepted},
               {"rejected", run.rows_rejected},
               {"skipped", run.rows_skipped}};
  if (run.rows_inserted) rows["inserted"] = *run.rows_inserted;
  if (run.rows_updated) rows["updated"] = *run.rows_updated;
  return rows;
}

std::unexpected<Error> damaged(std::string_view what) {
  return fail(Code::InternalError, fmt::format("the stored {} of a run cannot be read", what));
}

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
std::uint64_t number_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}
Timestamp time_of(const Json& object, const char* key) {
  return from_rfc3339(text_of(object, key)).value_or(Timestamp{});
}

Result<void> read_rejects(RunRecord& run, const Json& list) {
  if (!list.is_array()) return damaged("rejects");
  for (const Json& item : list) {
    const std::optional<Code> code = code_from_text(text_of(item, "code"));
    if (!code) return damaged("rejects");
    run.rejects.push_back(
        {*code, text_of(item, "field"), number_of(item, "count"), number_of(item, "first_line")});
  }
  return {};
}

Result<void> read_warnings(RunRecord& run, const Json& list) {
  if (!list.is_array()) return damaged("warnings");
  for (const Json& item : list) {
    const std::optional<Code> code = code_from_text(text_of(item, "code"));
    if (!code) return damaged("warnings");
    run.warnings.push_back(
        {*code, text_of(item, "message"), number_of(item, "count"), number_of(item, "first_line")});
  }
  return {};
}

Result<void> read_error(RunRecord& run, const Json& object) {
  run.error = std::nullopt;
  if (object.is_null()) return {};
  const std::optional<Code> code = code_from_text(text_of(object, "code"));
  if (!code) return damaged("error");
  run.error = Error{*code, text_of(object, "message"), text_of(object, "hint"), {}, text_of(object, "file")};
  if (object.contains("line"))
    run.error->at = Position{number_of(object, "line"), number_of(object, "column")};
  return {};
}

Json json_of(std::string_view text) {
  return Json::parse(text, nullptr, false);
}

Json record_json(const RunRecord& run) {
  return {{"id", run.id},
          {"kind", run.kind},
          {"status", name(run.status)},
          {"table", run.table},
          {"mode", run.mode},
          {"dry_run", run.dry_run},
          {"parent", or_null(run.parent)},
          {"file",
           {{"name", run.file_name},
            {"bytes", run.file_bytes},
            {"sha256", or_null(run.file_sha256)},
            {"duplicate_of", or_null(run.duplicate_of)}}},
          {"rows", rows_json(run)},
          {"rejects", rejects_json(run)},
          {"warnings", warnings_json(run)},
          {"error", error_json(run.error)},
          {"table_version", {{"before", run.version_before}, {"after", run.version_after}}},
          {"created_at", or_null(run.created_at)},
          {"started_at", or_null(run.started_at)},
          {"finished_at", or_null(run.finished_at)},
          {"seconds", seconds(run)},
          {"principal", run.principal}};
}

}  // namespace

std::string_view name(RunStatus status) {
  return kStatusNames[static_cast<std::size_t>(status)];
}

std::optional<RunStatus> run_status_from(std::string_view name) {
  for (std::size_t i = 0; i < kStatusNames.size(); ++i)
    if (kStatusNames[i] == name) return static_cast<RunStatus>(i);
  return std::nullopt;
}

std::string to_json(const RunRecord& run) {
  return json_text(record_json(run));
}

std::string rejects_to_json(const RunRecord& run) {
  return json_text(rejects_json(run));
}
std::string warnings_to_json(const RunRecord& run) {
  return json_text(warnings_json(run));
}
std::string error_to_json(const RunRecord& run) {
  return run.error ? json_text(error_json(run.error)) : std::string();
}

Result<void> read_json_members(RunRecord& run, std::string_view rejects, std::string_view warnings,
                               std::string_view error) {
  if (!rejects.empty()) TRY(read_rejects(run, json_of(rejects)));
  if (!warnings.empty()) TRY(read_warnings(run, json_of(warnings)));
  if (!error.empty()) TRY(read_error(run, json_of(error)));
  return {};
}

bool has_loaded(const RunRecord& run) {
  return run.status == RunStatus::Succeeded || run.status == RunStatus::SucceededWithRejects;
}

RunRecord as_failed(RunRecord run, Error error) {
  run.status = RunStatus::Failed;
  run.version_after = run.version_before;
  run.rows_inserted = run.rows_updated = std::nullopt;
  run.idempotency.key.clear();
  run.error = std::move(error);
  if (run.error->file.empty()) run.error->file = run.file_name;
  return run;
}

std::string to_state_json(const RunRecord& run) {
  Json json = record_json(run);
  json["space"] = run.space;
  const Idempotency& key = run.idempotency;
  if (key)
    json["idempotency"] = {{"principal", key.principal},
                           {"method", key.method},
                           {"path", key.path},
                           {"key", key.key},
                           {"fingerprint", key.fingerprint}};
  return json_text(json);
}

Result<RunRecord> run_from_state_json(std::string_view json) {
  Json object = json_of(json);
  if (!object.is_object() || !object["file"].is_object() || !object["rows"].is_object())
    return damaged("state");
  RunRecord run;
  run.id = text_of(object, "id");
  run.kind = text_of(object, "kind");
  const std::optional<RunStatus> status = run_status_from(text_of(object, "status"));
  if (run.id.empty() || !status) return damaged("state");
  run.status = *status;
  run.space = text_of(object, "space");
  run.table = text_of(object, "table");
  run.mode = text_of(object, "mode");
  run.dry_run = object.value("dry_run", false);
  run.parent = text_of(object, "parent");
  const Json& file = object["file"];
  run.file_name = text_of(file, "name");
  run.file_bytes = number_of(file, "bytes");
  run.file_sha256 = text_of(file, "sha256");
  run.duplicate_of = text_of(file, "duplicate_of");
  const Json& rows = object["rows"];
  run.rows_read = number_of(rows, "read");
  run.rows_accepted = number_of(rows, "accepted");
  run.rows_rejected = number_of(rows, "rejected");
  run.rows_skipped = number_of(rows, "skipped");
  if (rows.contains("inserted")) run.rows_inserted = number_of(rows, "inserted");
  if (rows.contains("updated")) run.rows_updated = number_of(rows, "updated");
  if (object.contains("rejects")) TRY(read_rejects(run, object["rejects"]));
  if (object.contains("warnings")) TRY(read_warnings(run, object["warnings"]));
  if (object.contains("error")) TRY(read_error(run, object["error"]));
  if (const auto version = object.find("table_version"); version != object.end()) {
    run.version_before = number_of(*version, "before");
    run.version_after = number_of(*version, "after");
  }
  run.created_at = time_of(object, "created_at");
  run.started_at = time_of(object, "started_at");
  run.finished_at = time_of(object, "finished_at");
  run.principal = text_of(object, "principal");
  if (const auto key = object.find("idempotency"); key != object.end() && key->is_object())
    run.idempotency = {text_of(*key, "principal"), text_of(*key, "method"), text_of(*key, "path"),
                       text_of(*key, "key"), text_of(*key, "fingerprint")};
  return run;
}

}  // namespace rowgate::db
