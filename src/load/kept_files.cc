#include "load/kept_files.h"

#include "io/files.h"
#include "io/stored_file.h"
#include "load/upload.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

namespace rowgate::load {
namespace {

Error expired(std::string_view what, const db::RunRecord& run) {
  return {Code::RunRejectsExpired, fmt::format("the {} of {} are not kept any more", what, run.id),
          "storage.keep says how long they are; load the file again to see them"};
}

}  // namespace

store::FileKey source_key(std::string_view run_id) {
  return fmt::format("sources/{}", run_id);
}

Result<RejectReader> open_rejects(store::Store& store, const db::RunRecord& run) {
  Result<std::shared_ptr<io::SourceFile>> file = store.file(reject_file_key(run.id));
  if (!file && file.error().code == Code::FileNotFound) file = store.file(old_reject_file_key(run.id));
  if (file) return RejectReader::open(*file);
  if (file.error().code == Code::FileNotFound && run.rows_rejected > 0)
    return std::unexpected(expired("rejects", run));
  return std::unexpected(std::move(file).error());
}

Result<std::shared_ptr<io::SourceFile>> open_source(store::Store& store, const std::filesystem::path& spool,
                                                    const db::RunRecord& run) {
  // First here: a file that is gone from the spool is in the store already.
  if (auto received = io::open_own_file(upload_path(spool, run.id), run.file_name, run.file_sha256))
    return received;
  Result<std::shared_ptr<io::SourceFile>> file = store.file(source_key(run.id));
  if (!file && file.error().code == Code::FileNotFound)
    return std::unexpected(expired("bytes of the file", run));
  return file;
}

std::vector<RefusedRecord> first_rejects(store::Store& store, const db::RunRecord& run, std::size_t limit) {
  std::vector<RefusedRecord> records;
  Result<RejectReader> reader = open_rejects(store, run);
  if (!reader || !reader->head()) return records;
  std::size_t problems = 0;
  while (problems < limit) {
    Result<std::optional<RefusedRecord>> record = reader->next();
    if (!record || !*record) break;
    (*record)->raw.clear();
    if ((*record)->problems.size() > limit - problems) (*record)->problems.resize(limit - problems);
    problems += (*record)->problems.size();
    records.push_back(*std::move(*record));
  }
  return records;
}

Result<void> sweep(store::Store& store, const Retention& keep, Timestamp now) {
  const std::array<std::pair<const char*, std::chrono::microseconds>, 4> folders = {
      {{"reports", keep.reports},
       {"rejects", keep.rejects},
       {"sources", keep.sources},
       {"uploads", keep.sources}}};
  std::optional<Error> first;
  const auto note = [&first](const auto& result) {
    if (!result && !first && result.error().code != Code::FileNotFound) first = result.error();
  };
  for (const auto& [folder, kept] : folders) {
    const Result<std::vector<store::StoredFile>> files = store.list(folder);
    note(files);
    if (!files) continue;
    for (const store::StoredFile& file : *files)
      if (file.stored_at.micros < now.micros - kept.count()) note(store.remove(file.key));
  }
  if (first) return std::unexpected(*std::move(first));
  return {};
}

}  // namespace rowgate::load
