#include "app/database_watch.h"

#include "base/text.h"
#include "db/try_to_write.h"
#include "io/digest.h"
#include "io/files.h"
#include "io/stored_file.h"

#include <fmt/format.h>

namespace rowgate::app {
namespace {

constexpr std::size_t kLongestIdentity = 64;  // of an identity

/// Empty where there is none.
std::string read_note(const std::filesystem::path& note) {
  const Result<std::shared_ptr<io::SourceFile>> file = io::open_own_file(note, note.filename().string());
  if (!file) return {};
  const Result<std::unique_ptr<io::Source>> source = (*file)->open(0);
  if (!source) return {};
  std::string text(kLongestIdentity, '\0');
  const Result<std::size_t> got = io::read_fully(**source, text);
  return got ? std::string(trim_spaces(std::string_view(text).substr(0, *got))) : std::string();
}

}  // namespace

DatabaseWatch::DatabaseWatch(db::Database& database, std::filesystem::path file,
                             const std::filesystem::path& spool, std::chrono::milliseconds lock_wait)
    : database_(database),
      file_(std::move(file)),
      note_(spool / "databases" / io::sha256_hex(database.place())),
      lock_wait_(lock_wait),
      known_(read_note(note_)) {}

Result<void> DatabaseWatch::recognize() {
  TRY_ASSIGN(const std::string identity, database_.identity());
  const std::scoped_lock lock(mutex_);
  is_recognized_ = known_.empty() || identity == known_;
  if (known_.empty() && !identity.empty()) return keep_in_mind(identity);
  if (is_recognized_) return {};
  return fail(Code::DatabaseUnreachable,
              fmt::format("the database '{}' is not the one that it was: {}", shown(file_.string(), 400),
                          identity.empty() ? "it has vanished, or is empty" : "another one is in its place"),
              fmt::format("put the old file back; if a new one is wanted, remove '{}' and start again",
                          shown(note_.string(), 400)));
}

Result<void> DatabaseWatch::recognize_after_load(Moment now) {
  {
    const std::scoped_lock lock(mutex_);
    const bool is_fresh = is_recognized_ && !known_.empty() && now - looked_ < std::chrono::seconds(1);
    if (is_fresh) return {};
    looked_ = now;
  }
  return recognize();
}

bool DatabaseWatch::is_recognized() const {
  const std::scoped_lock lock(mutex_);
  return is_recognized_;
}

Result<void> DatabaseWatch::check(bool is_loading, Moment now) {
  TRY(recognize());
  const Result<void> written = db::try_to_write_sqlite(file_, std::chrono::milliseconds(0));
  const std::scoped_lock lock(mutex_);
  if (written || written.error().code != Code::TableBusy || is_loading) {
    busy_since_.reset();
    return is_loading && !written && written.error().code == Code::TableBusy ? Result<void>{} : written;
  }

  if (!busy_since_) busy_since_ = now;
  return now - *busy_since_ < lock_wait_ ? Result<void>{} : written;
}

/// With the mutex held. Kept in mind by this process even where it cannot be written down.
Result<void> DatabaseWatch::keep_in_mind(const std::string& identity) {
  known_ = identity;
  TRY_ASSIGN(io::FileWriter writer, io::FileWriter::create(note_));
  TRY(writer.write(identity + "\n"));
  return writer.close();
}

}  // namespace rowgate::app
