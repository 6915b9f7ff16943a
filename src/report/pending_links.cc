#include "report/pending_links.h"

#include "base/json.h"
#include "io/descriptor.h"
#include "io/files.h"
#include "io/stored_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace rowgate::report {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view kFormat = "rowgate link state 1";
constexpr std::size_t kLargestFile = 1 << 20;

/// Who changes the folder holds this: a file must not be replaced between being read and being removed. Each
/// holder has a descriptor of its own, so it works between threads as well.
class FolderLock {
 public:
  static Result<FolderLock> take(const fs::path& folder) {
    TRY(io::make_folders(folder));
    const fs::path path = folder / ".lock";
    io::Descriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd) return std::unexpected(io::storage_error(errno, "cannot make", path));
    while (::flock(fd.get(), LOCK_EX) != 0)
      if (errno != EINTR) return std::unexpected(io::storage_error(errno, "cannot lock", path));
    return FolderLock(std::move(fd));
  }

 private:
  explicit FolderLock(io::Descriptor fd) : fd_(std::move(fd)) {}
  io::Descriptor fd_;
};

Result<void> write_file(const fs::path& path, std::string_view text) {
  TRY_ASSIGN(io::FileWriter file, io::FileWriter::create(path));
  TRY(file.write(text));
  return file.close();
}

std::string text_of(const PendingLinks::Entry& entry) {
  return fmt::format("{{\"format\":\"{}\",\"link\":{},\"run\":{}}}\n", kFormat,
                     entry.link ? db::to_state_json(*entry.link) : "null",
                     entry.run ? db::to_state_json(*entry.run) : "null");
}

/// nullopt for a file that is gone or is not one of ours.
std::optional<PendingLinks::Entry> read_entry(const fs::path& path) {
  const Result<std::shared_ptr<io::SourceFile>> file = io::open_own_file(path, path.filename().string());
  if (!file) return std::nullopt;
  const Result<std::unique_ptr<io::Source>> source = (*file)->open(0);
  if (!source) return std::nullopt;
  const Result<std::string> text = io::read_all(**source, kLargestFile);
  if (!text) return std::nullopt;
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object() || json.value("format", "") != kFormat || !json.contains("link") ||
      !json.contains("run"))
    return std::nullopt;
  PendingLinks::Entry entry;
  if (!json["link"].is_null()) {
    Result<db::LinkRecord> link = db::link_from_state_json(json["link"].dump());
    if (!link) return std::nullopt;
    entry.link = *std::move(link);
  }
  if (!json["run"].is_null()) {
    Result<db::RunRecord> run = db::run_from_state_json(json["run"].dump());
    if (!run) return std::nullopt;
    entry.run = *std::move(run);
  }
  return entry;
}

const db::LinkRecord* pointer(const std::optional<db::LinkRecord>& link) {
  return link ? &*link : nullptr;
}
const db::RunRecord* pointer(const std::optional<db::RunRecord>& run) {
  return run ? &*run : nullptr;
}

}  // namespace

PendingLinks::PendingLinks(fs::path spool) : folder_(spool / "links"), runs_(spool / "runs") {}

fs::path PendingLinks::path_of(const Entry& entry) const {
  return folder_ / ((entry.link ? entry.link->id : entry.run->id) + ".json");
}

std::vector<fs::path> PendingLinks::files() const {
  std::vector<fs::path> found;
  std::error_code error;
  for (fs::directory_iterator it(folder_, error), end; !error && it != end; it.increment(error))
    if (it->path().extension() == ".json") found.push_back(it->path());
  std::ranges::sort(found, std::ranges::greater());  // ids sort by time
  return found;
}

Result<void> PendingLinks::keep(const Entry& entry) const {
  TRY(write_file(path_of(entry), text_of(entry)));
  if (entry.run) TRY(write_file(runs_ / (entry.run->id + ".json"), db::to_state_json(*entry.run) + '\n'));
  return {};
}

Result<void> PendingLinks::record(db::LinkLedger& ledger, const Entry& entry) const {
  Result<void> recorded = ledger.record(pointer(entry.link), pointer(entry.run));
  if (recorded || recorded.error().code == Code::RunIdempotencyInProgress) return recorded;
  TRY_ASSIGN(const FolderLock lock, FolderLock::take(folder_));
  return keep(entry);
}

Result<void> PendingLinks::revoke(db::LinkLedger& ledger, db::LinkRecord link, Timestamp at) const {
  TRY_ASSIGN(const FolderLock lock, FolderLock::take(folder_));
  link.revoked_at = at;
  Entry entry{.link = link};
  const fs::path path = path_of(entry);
  if (std::optional<Entry> waiting = read_entry(path)) entry.run = std::move(waiting->run);
  if (ledger.record(&link, pointer(entry.run))) {
    ::unlink(path.c_str());
    return {};
  }
  return keep(entry);
}

/// False when the ledger cannot be written now.
bool PendingLinks::settle(db::LinkLedger& ledger, const fs::path& file) const {
  std::optional<Entry> entry = read_entry(file);
  if (!entry) return true;  // not one of ours; left for a person to look at
  Result<void> recorded = ledger.record(pointer(entry->link), pointer(entry->run));
  if (!recorded && recorded.error().code == Code::RunIdempotencyInProgress && entry->link) {
    entry->link->idempotency = {};  // its key made another link meanwhile; both work
    recorded = ledger.record(pointer(entry->link), pointer(entry->run));
  }
  if (!recorded) return false;
  if (entry->run) ::unlink((runs_ / (entry->run->id + ".json")).c_str());
  ::unlink(file.c_str());
  return true;
}

void PendingLinks::flush(db::LinkLedger& ledger) const {
  if (files().empty()) return;
  const Result<FolderLock> lock = FolderLock::take(folder_);
  if (!lock) return;
  for (const fs::path& file : files())
    if (!settle(ledger, file)) return;
}

std::vector<db::LinkRecord> PendingLinks::links() const {
  std::vector<db::LinkRecord> found;
  for (const fs::path& file : files())
    if (std::optional<Entry> entry = read_entry(file); entry && entry->link)
      found.push_back(*std::move(entry->link));
  return found;
}

std::optional<db::LinkRecord> PendingLinks::find(std::string_view id) const {
  // An id that somebody typed never becomes a path.
  for (const fs::path& file : files())
    if (file.stem() == id)
      if (std::optional<Entry> entry = read_entry(file)) return std::move(entry->link);
  return std::nullopt;
}

}  // namespace rowgate::report
