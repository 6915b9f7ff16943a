#include "report/links.h"

#include "base/ids.h"
#include "base/text.h"
#include "io/digest.h"
#include "report/parameters.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <map>

namespace rowgate::report {
namespace {

constexpr std::size_t kLongestName = 100;
constexpr std::string_view kFolder = "reports";
constexpr std::chrono::hours kOrphansStay{24};
constexpr std::chrono::hours kEndedLinksStay{30 * 24};

Timestamp plus(Timestamp at, std::chrono::microseconds time) {
  return {at.micros + time.count()};
}
/// As a stored time comes back.
Timestamp whole_millis(Timestamp at) {
  return {at.micros / 1'000 * 1'000};
}
Timestamp whole_seconds(Timestamp at) {
  return {at.micros / 1'000'000 * 1'000'000};
}

/// The bound values as they are, in one form only: equal parameters give equal texts.
Result<std::string> params_json(const Definition& report, const LinkRequest& request) {
  TRY_ASSIGN(const auto bound, bind_parameters(report, request.params));
  std::map<std::string, nlohmann::json> members;
  for (const auto& [name, value] : bound) {
    if (const auto* text = std::get_if<std::string>(&value);
        text != nullptr && valid_utf8_prefix(*text) != text->size())
      return fail(Code::ReportBadParameter, fmt::format("the parameter `{}` is not UTF-8", name),
                  "correct the value");
    members[name] = std::visit(
        [](const auto& plain) {
          if constexpr (std::is_same_v<std::decay_t<decltype(plain)>, std::monostate>)
            return nlohmann::json(nullptr);
          else
            return nlohmann::json(plain);
        },
        value);
  }
  return nlohmann::json(members).dump();
}

/// What of a definition decides about the bytes of its result.
std::string digest_of(const Definition& report) {
  std::string text;
  const auto add = [&](std::string_view part) {
    fmt::format_to(std::back_inserter(text), "{}:{}", part.size(), part);
  };
  add(report.sql);
  for (const Column& column : report.columns) {
    add(column.name);
    add(column.type ? table::name(*column.type) : "");
    add(column.decimals ? std::to_string(*column.decimals) : "");
  }
  add("sort");
  for (const SortKey& key : report.sort) {
    add(key.column);
    add(key.descending ? "-" : "+");
  }
  for (const Parameter& parameter : report.params) {
    add(parameter.name);
    add(table::name(parameter.type));
  }
  add(std::to_string(report.max_rows));
  return io::sha256_hex(text);
}

/// What an equal report must have been made from; empty: nobody can tell.
std::string basis_of(const Definition& report, const std::string& versions) {
  return versions.empty() ? std::string() : io::sha256_hex(digest_of(report) + versions);
}

Result<std::chrono::seconds> life_of(const LinkRequest& request, std::chrono::seconds longest) {
  const std::chrono::seconds life = request.expires_in.value_or(request.report->expires);
  if (life.count() >= 1 && life <= longest) return life;
  return fail(Code::ReportBadParameter, fmt::format("a link cannot live for {} seconds", life.count()),
              fmt::format("from 1 to {} seconds", longest.count()));
}

Result<std::string> filename_of(const LinkRequest& request) {
  const std::string& name = request.filename ? *request.filename : request.report->filename;
  if (is_link_filename(name)) return name;
  return fail(Code::ReportBadParameter, fmt::format("'{}' cannot be the name of a link's file", shown(name)),
              fmt::format("1 to {} letters, digits, dots, - and _, the first not a dot", kLongestName));
}

Error unknown_link(std::string_view id) {
  return {Code::ReportLinkUnknown, fmt::format("there is no link '{}'", shown(id)),
          "list them with rowgate report links"};
}

std::string turn_name(const db::Idempotency& key) {
  return fmt::format("key\n{}\n{}\n{}\n{}", key.principal, key.method, key.path, key.key);
}

}  // namespace

bool is_link_filename(std::string_view name) {
  return name.size() <= kLongestName && store::is_key_level(name);
}

std::string url_of(std::string_view public_url, std::string_view address) {
  return address.starts_with('/') ? fmt::format("{}{}", public_url, address) : std::string(address);
}

store::FileKey object_of(const db::LinkRecord& link) {
  return fmt::format("{}/{}/{}", kFolder, link.id, link.filename);
}

/// A request that was found good, on its way to a link.
struct Links::Wanted {
  const Definition* report = nullptr;
  std::span<const std::pair<std::string, std::string>> params = {};
  db::LinkRecord link = {};
  std::stop_token stop = {};
};

/// While it lives no other thread has the turn of the same name.
class Links::Turn {
 public:
  /// Waits for the others; nullopt where that is stopped.
  static std::optional<Turn> wait(Links& links, std::string name, const std::stop_token& stop) {
    std::unique_lock lock(links.mutex_);
    if (!links.turn_ended_.wait(lock, stop, [&] { return !links.busy_.contains(name); })) return std::nullopt;
    links.busy_.insert(name);
    return Turn(links, std::move(name));
  }
  static std::optional<Turn> try_take(Links& links, std::string name) {
    const std::scoped_lock lock(links.mutex_);
    if (!links.busy_.insert(name).second) return std::nullopt;
    return Turn(links, std::move(name));
  }
  Turn(Turn&& other) noexcept : links_(std::exchange(other.links_, nullptr)), name_(std::move(other.name_)) {}
  Turn& operator=(Turn&&) = delete;
  ~Turn() {
    if (links_ == nullptr) return;
    {
      const std::scoped_lock lock(links_->mutex_);
      links_->busy_.erase(name_);
    }
    links_->turn_ended_.notify_all();
  }

 private:
  Turn(Links& links, std::string name) : links_(&links), name_(std::move(name)) {}
  Links* links_;
  std::string name_;
};

Links::Links(db::Database& database, store::Store& store, const store::LinkSigner& signer, const Clock& clock,
             Settings settings)
    : database_(database),
      store_(store),
      signer_(signer),
      clock_(clock),
      settings_(std::move(settings)),
      pending_(settings_.spool) {}

Result<MadeLink> Links::make(const LinkRequest& request) {
  TRY_ASSIGN(Wanted wanted, judge(request));
  if (!request.idempotency) return make_fresh(wanted);
  const std::optional<Turn> turn = Turn::try_take(*this, turn_name(request.idempotency));
  if (!turn)
    return fail(Code::RunIdempotencyInProgress, "a request with this Idempotency-Key is still being answered",
                "send it again a little later");
  TRY_ASSIGN(std::optional<MadeLink> earlier, replay(request.idempotency));
  if (earlier) return *std::move(earlier);
  return make_fresh(wanted);
}

Result<Links::Wanted> Links::judge(const LinkRequest& request) const {
  const Timestamp now = whole_millis(clock_.now());
  Wanted wanted{.report = request.report, .params = request.params, .link = {}, .stop = request.stop};
  TRY_ASSIGN(const std::chrono::seconds life, life_of(request, settings_.longest));
  TRY_ASSIGN(wanted.link.filename, filename_of(request));
  TRY_ASSIGN(wanted.link.params, params_json(*request.report, request));
  wanted.link.id = new_id("lnk_", now);
  wanted.link.report = request.report->name;
  wanted.link.created_at = wanted.link.computed_at = now;
  wanted.link.expires_at = whole_seconds(plus(now, life));
  wanted.link.principal = request.principal;
  wanted.link.idempotency = request.idempotency;
  return wanted;
}

Result<std::optional<MadeLink>> Links::replay(const db::Idempotency& key) {
  TRY_ASSIGN(std::optional<db::LinkRecord> link, find_by_key(key));
  if (!link) return std::optional<MadeLink>{};
  if (link->idempotency.fingerprint != key.fingerprint)
    return fail(Code::RunIdempotencyReused, "this Idempotency-Key was used for another request",
                "use a fresh key for each new request");
  std::string at = address(*link);
  return std::optional<MadeLink>(
      MadeLink{.link = *std::move(link), .address = std::move(at), .replayed = true});
}

Result<MadeLink> Links::make_fresh(Wanted& wanted) {
  flush();
  db::LinkRecord& link = wanted.link;
  std::optional<Turn>
      turn;  // equal reports one after the other, so that the second finds the first one's bytes
  if (wanted.report->reuse.count() > 0) {
    std::optional<Turn> mine =
        Turn::wait(*this, fmt::format("report\n{}\n{}", link.report, link.params), wanted.stop);
    if (!mine)
      return fail(Code::RunInterrupted, "nobody waits for the link any more", "send the request again");
    turn.emplace(*std::move(mine));
  }
  TRY_ASSIGN(link.basis, present_basis_of(*wanted.report));
  TRY_ASSIGN(const bool reused, copy_equal(wanted));
  db::RunRecord run;
  if (Result<void> done = reused ? Result<void>() : compute(wanted, run); !done) {
    if (database_.exists()) (void)record(nullptr, &run);  // its own error is the one to tell
    return std::unexpected(std::move(done).error());
  }
  Result<std::string> at = final_address(link);
  Result<void> recorded =
      at ? record(&link, reused ? nullptr : &run) : Result<void>(std::unexpected(at.error()));
  if (!recorded) {
    (void)store_.remove(object_of(link));
    return std::unexpected(std::move(recorded).error());
  }
  return MadeLink{.link = link, .address = *std::move(at), .reused = reused};
}

/// A direct link may end before the time that was asked for: with the store's credentials.
Result<std::string> Links::final_address(db::LinkRecord& link) const {
  if (settings_.direct == nullptr) return address(link);
  TRY_ASSIGN(store::SignedAddress at,
             settings_.direct->address("GET", object_of(link), link.filename, link.expires_at));
  if (!at.is_end_known)
    return fail(Code::StorageDenied, "the storage's credentials are temporary ones whose end is not known",
                "set links.mode: redirect, or AWS_CREDENTIAL_EXPIRATION");
  link.expires_at = at.expires;
  return std::move(at.url);
}

Result<std::string> Links::present_basis_of(const Definition& report) const {
  TRY_ASSIGN(const std::string versions, database_.links().table_versions());
  return basis_of(report, versions);
}

/// Whether the bytes of an equal link could be taken over.
Result<bool> Links::copy_equal(Wanted& wanted) {
  db::LinkRecord& link = wanted.link;
  if (link.basis.empty() || wanted.report->reuse.count() <= 0) return false;
  TRY_ASSIGN(const std::optional<db::LinkRecord> equal,
             find_equal(link, plus(link.created_at, -wanted.report->reuse)));
  if (!equal) return false;
  const Result<void> copied = store_.copy(object_of(*equal), object_of(link));
  if (!copied && copied.error().code == Code::FileNotFound) return false;  // it has ended meanwhile
  if (!copied) return std::unexpected(copied.error());
  link.run = equal->run;
  link.rows = equal->rows;
  link.bytes = equal->bytes;
  link.sha256 = equal->sha256;
  link.computed_at = equal->computed_at;
  return true;
}

/// Runs the report into the link's file; `run` tells how it went, also when it failed.
Result<void> Links::compute(Wanted& wanted, db::RunRecord& run) {
  db::LinkRecord& link = wanted.link;
  run = {.id = new_id("run_", clock_.now()), .kind = "report", .table = {}, .mode = {}};
  run.file_name = link.filename;
  run.principal = link.principal;
  run.created_at = run.started_at = whole_millis(clock_.now());
  link.run = run.id;
  link.computed_at = run.started_at;

  const auto attempt = [&]() -> Result<void> {
    TRY_ASSIGN(const std::unique_ptr<store::StoreWriter> file, store_.create(object_of(link)));
    io::Sha256 hash;
    const auto writer = csv_writer(
        [&](std::string_view bytes) {
          hash.update(bytes);
          link.bytes += bytes.size();
          return file->write(bytes);
        },
        false);
    TRY_ASSIGN(const Outcome outcome,
               report::run(database_, *wanted.report, wanted.params, *writer, settings_.spool,
                           {.with_versions = true, .stop = wanted.stop}));
    link.basis = basis_of(*wanted.report, outcome.table_versions);
    link.rows = outcome.rows;
    link.sha256 = hash.hex();
    return file->close();
  };
  Result<void> done = attempt();
  run.finished_at = whole_millis(clock_.now());
  run.status = done ? db::RunStatus::Succeeded : db::RunStatus::Failed;
  if (!done) {
    run.error = done.error();
    return done;
  }
  run.rows_read = run.rows_accepted = link.rows;
  run.file_bytes = link.bytes;
  run.file_sha256 = link.sha256;
  // A load that was committed meanwhile: nobody can tell which rows these are.
  if (const Result<std::string> after = present_basis_of(*wanted.report); !after || *after != link.basis)
    link.basis.clear();
  return done;
}

Result<void> Links::record(const db::LinkRecord* link, const db::RunRecord* run) {
  PendingLinks::Entry entry;
  if (link != nullptr) entry.link = *link;
  if (run != nullptr) entry.run = *run;
  return pending_.record(database_.links(), entry);
}

// What waits is always looked at before the ledger: it moves from there to the ledger, never back.

Result<std::optional<db::LinkRecord>> Links::find_by_key(const db::Idempotency& key) const {
  const Timestamp since = plus(clock_.now(), -db::kIdempotencyKept);
  for (db::LinkRecord& link : pending_.links()) {
    const db::Idempotency& of = link.idempotency;
    if (of.key == key.key && of.principal == key.principal && of.method == key.method &&
        of.path == key.path && link.created_at >= since)
      return std::optional<db::LinkRecord>(std::move(link));
  }
  return database_.links().find_by_key(key, since);
}

Result<std::optional<db::LinkRecord>> Links::find_equal(const db::LinkRecord& like, Timestamp since) const {
  for (db::LinkRecord& link : pending_.links())
    if (link.report == like.report && link.params == like.params && link.basis == like.basis &&
        link.computed_at >= since && !link.revoked_at)
      return std::optional<db::LinkRecord>(std::move(link));
  return database_.links().find_equal(like, since);
}

Result<std::vector<db::LinkRecord>> Links::list(const std::optional<std::string>& before,
                                                std::size_t limit) const {
  std::vector<db::LinkRecord> links = pending_.links();
  if (before) std::erase_if(links, [&](const db::LinkRecord& link) { return link.id >= *before; });
  TRY_ASSIGN(std::vector<db::LinkRecord> kept, database_.links().list(before, limit));
  for (db::LinkRecord& link : kept)
    if (std::ranges::find(links, link.id, &db::LinkRecord::id) == links.end())
      links.push_back(std::move(link));
  std::ranges::sort(links, std::ranges::greater(), &db::LinkRecord::id);
  if (links.size() > limit) links.resize(limit);
  return links;
}

Result<db::LinkRecord> Links::find(std::string_view id) const {
  if (std::optional<db::LinkRecord> link = pending_.find(id)) return *std::move(link);
  TRY_ASSIGN(std::optional<db::LinkRecord> link, database_.links().find(id));
  if (!link) return std::unexpected(unknown_link(id));
  return *std::move(link);
}

Result<void> Links::revoke(std::string_view id) {
  TRY_ASSIGN(const db::LinkRecord link, find(id));
  if (link.revoked_at) return {};
  // The file first: should the process die here, nobody can download it any more.
  if (const Result<void> removed = store_.remove(object_of(link));
      !removed && removed.error().code != Code::FileNotFound)
    return removed;
  return pending_.revoke(database_.links(), link, whole_millis(clock_.now()));
}

std::string Links::address(const db::LinkRecord& link) const {
  if (settings_.direct == nullptr) return signer_.sign(object_of(link), link.expires_at);
  Result<store::SignedAddress> at =
      settings_.direct->address("GET", object_of(link), link.filename, link.expires_at);
  return at ? std::move(at->url) : std::string();
}

bool Links::is_live(const db::LinkRecord& link) const {
  return !link.revoked_at && clock_.now() < link.expires_at;
}

void Links::flush() {
  pending_.flush(database_.links());
}

Result<std::size_t> Links::sweep() {
  flush();
  // The files before the links: a link that is made meanwhile has its file first.
  TRY_ASSIGN(const std::vector<store::StoredFile> files, store_.list(std::string(kFolder)));
  const Timestamp orphaned = plus(clock_.now(), -kOrphansStay);
  std::size_t removed = 0;
  for (const store::StoredFile& file : files) {
    const std::string_view rest = std::string_view(file.key).substr(kFolder.size() + 1);
    const Result<db::LinkRecord> link = find(rest.substr(0, rest.find('/')));
    if (!link && link.error().code != Code::ReportLinkUnknown) return std::unexpected(link.error());
    const bool useless = link ? !is_live(*link) : file.stored_at < orphaned;
    if (useless && store_.remove(file.key)) ++removed;
  }
  TRY(database_.links().forget(plus(clock_.now(), -kEndedLinksStay)));
  return removed;
}

}  // namespace rowgate::report
