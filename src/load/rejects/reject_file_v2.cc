// Version 2 of the reject file (docs/formats.md): zstd frames with JSON Lines, each frame at most 1 MiB
// unpacked, then an index of the frames in a frame that zstd passes over. So `zstd -dc` shows the file, a
// page of rejects costs one frame however many there are, and what repeats (codes, fields) costs next to
// nothing.
//
// A line of a record has its place relative to the record before it in the same frame, and a value that was
// found where the problem points is not repeated but counted: lines of like records are then almost the same
// bytes.

#include "base/base64.h"
#include "base/json.h"
#include "base/text.h"
#include "io/zstd_frame.h"
#include "load/rejects/reject_formats.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <array>
#include <cstring>

namespace rowgate::load {
namespace {

using Json = nlohmann::ordered_json;
using table::Problem;

constexpr int kVersion = 2;
constexpr std::size_t kFrameBytes = 512 * 1024;           ///< a frame of lines is closed when it has as many
constexpr std::size_t kMostFrameBytes = 4 * 1024 * 1024;  ///< no reader unpacks more
static_assert(kRejectPieceBytes % 3 == 0);                ///< of base64, which has no padding within
constexpr std::size_t kInlineBytes = 256 * 1024;          ///< a record up to here stands in its line
constexpr std::size_t kFoundBytes = 1024;
constexpr std::string_view kMagic = "RGREJ2\r\n";

enum class FrameKind : std::uint64_t { Lines = 0, Bytes = 1 };

struct Frame {
  std::uint64_t offset = 0;        ///< in the file
  std::uint64_t first_record = 0;  ///< how many records come before it
  FrameKind kind = FrameKind::Lines;
};
constexpr std::size_t kEntryBytes = 24, kTrailerBytes = 32;

void append_number(std::string& out, std::uint64_t value) {
  for (int byte = 0; byte < 8; ++byte) out += static_cast<char>((value >> (8 * byte)) & 0xffu);
}
std::uint64_t number_at(std::string_view bytes, std::size_t at) {
  std::uint64_t value = 0;
  for (std::size_t byte = 0; byte < 8; ++byte)
    value |= static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[at + byte])) << (8 * byte);
  return value;
}

/// Where the record before was; places are told from there.
struct Place {
  std::uint64_t line = 0, record = 0, offset = 0;
};

std::string_view part_of(std::string_view raw, std::uint64_t at, std::size_t size) {
  if (at > raw.size()) return {};
  return raw.substr(static_cast<std::size_t>(at), size);
}

/// The value: how many bytes of it stand at the problem's column, negative where an opening quote comes
/// first; as a text where it stands in another way.
void append_found(std::string& out, const table::Reject& reject, const Problem& problem,
                  std::string_view raw) {
  const std::string_view found = std::string_view(problem.found).substr(0, kFoundBytes);
  const bool in_first_line = problem.at.line == reject.line && problem.at.column > 0;
  if (in_first_line && part_of(raw, problem.at.column - 1, found.size()) == found)
    out += fmt::format("{}", found.size());
  else if (in_first_line && !found.empty() && part_of(raw, problem.at.column, found.size()) == found)
    out += fmt::format("-{}", found.size());
  else
    append_json_string(out, found);
}

std::int64_t or_none(std::uint32_t index) {
  return index == Problem::kNoField ? -1 : std::int64_t{index};
}

void append_problem(std::string& out, const table::Reject& reject, const Problem& problem,
                    std::string_view raw) {
  out +=
      fmt::format("[\"{}\",{},{},{},{},", text(problem.code), or_none(problem.field), or_none(problem.column),
                  static_cast<std::int64_t>(problem.at.line - reject.line), problem.at.column);
  append_found(out, reject, problem, raw);
  if (!problem.detail.empty()) {
    out += ',';
    append_json_string(out, std::string_view(problem.detail).substr(0, kFoundBytes));
  }
  out += ']';
}

/// All of a record's line up to its bytes.
std::string begin_line(const table::Reject& reject, std::string_view raw, const Place& before) {
  std::string line = fmt::format("[{},{},{},[", reject.line - before.line, reject.record - before.record,
                                 reject.offset - before.offset);
  for (const Problem& problem : reject.problems) {
    if (&problem != &reject.problems.front()) line += ',';
    append_problem(line, reject, problem, raw);
  }
  return line + fmt::format("],{},", reject.unkept.size());
}

std::string end_line(std::uint64_t records, bool is_cut) {
  return fmt::format(R"({{"end":true,"rejects":{},"cut":{}}})", records, is_cut) + "\n";
}

}  // namespace

struct RejectFileWriter::State {
  std::unique_ptr<store::StoreWriter> out;
  std::uint64_t max_bytes = 0;
  std::vector<Frame> frames = {};
  std::string lines = {};  ///< of the frame that is being made
  std::uint64_t first_record = 0;
  Place before = {};
  std::uint64_t written = 0, records = 0;
  bool is_cut = false;

  Result<void> write_frame(std::string_view bytes, FrameKind kind) {
    TRY_ASSIGN(const std::string frame, io::zstd_frame(bytes));
    frames.push_back({written, kind == FrameKind::Lines ? first_record : records, kind});
    TRY(out->write(frame));
    written += frame.size();
    return {};
  }
  Result<void> flush_lines() {
    if (lines.empty()) return {};
    TRY(write_frame(lines, FrameKind::Lines));
    lines.clear();
    first_record = records;
    before = {};
    return {};
  }
  Result<void> add_line(std::string line, const table::Reject& reject) {
    lines += line;
    ++records;
    before = {reject.line, reject.record, reject.offset};
    if (lines.size() >= kFrameBytes) return flush_lines();
    return {};
  }
};

RejectFileWriter::RejectFileWriter(std::unique_ptr<State> state) : state_(std::move(state)) {}
RejectFileWriter::RejectFileWriter(RejectFileWriter&&) noexcept = default;
RejectFileWriter::~RejectFileWriter() = default;

Result<RejectFileWriter> RejectFileWriter::create(store::Store& store, const RejectFileHead& head,
                                                  std::uint64_t max_bytes) {
  auto state = std::make_unique<State>();
  TRY_ASSIGN(state->out, store.create(reject_file_key(head.run)));
  state->max_bytes = max_bytes;

  // Alone in its frame, so that a page need not read it again.
  Json json = head_json(head, kVersion);
  json["schema"] = head.schema;
  const std::string line = json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  TRY(state->write_frame(line, FrameKind::Lines));
  return RejectFileWriter(std::move(state));
}

bool RejectFileWriter::is_full() const {
  return state_->is_cut;
}

Result<void> RejectFileWriter::add(const table::Reject& reject, std::string_view raw) {
  State& state = *state_;
  if (state.written > state.max_bytes) state.is_cut = true;
  if (state.is_cut) return {};
  if (raw.size() > kInlineBytes) {
    TRY(begin_large(reject, raw.size()));
    for (std::size_t at = 0; at < raw.size(); at += kRejectPieceBytes)
      TRY(add_piece(raw.substr(at, kRejectPieceBytes)));
    return {};
  }

  std::string line = begin_line(reject, raw, state.before);
  if (valid_utf8_prefix(raw) == raw.size()) {
    append_json_string(line, raw);
  } else {
    line += fmt::format(R"({{"base64":"{}"}})", base64_encode(raw));
  }
  return state.add_line(line + "]\n", reject);
}

Result<void> RejectFileWriter::begin_large(const table::Reject& reject, std::uint64_t bytes) {
  State& state = *state_;
  if (state.written > state.max_bytes) state.is_cut = true;
  if (state.is_cut) return {};
  std::string line = begin_line(reject, {}, state.before);
  line += fmt::format(R"({{"bytes":{}}}])", bytes) + "\n";
  TRY(state.add_line(std::move(line), reject));
  return state.flush_lines();
}

Result<void> RejectFileWriter::add_piece(std::string_view bytes) {
  if (state_->is_cut) return {};
  return state_->write_frame(bytes, FrameKind::Bytes);
}

Result<void> RejectFileWriter::close() {
  State& state = *state_;
  state.lines += end_line(state.records, state.is_cut);
  TRY(state.flush_lines());

  std::string index;
  for (const Frame& frame : state.frames) {
    append_number(index, frame.offset);
    append_number(index, frame.first_record);
    append_number(index, static_cast<std::uint64_t>(frame.kind));
  }
  append_number(index, state.written);
  append_number(index, state.frames.size());
  append_number(index, state.records);
  index += kMagic;
  TRY(state.out->write(io::skippable_zstd_frame(index)));
  return state.out->close();
}

namespace {

class Version2 : public RejectReader::Format {
 public:
  explicit Version2(std::shared_ptr<io::SourceFile> file) : file_(std::move(file)) {}

  Result<void> read_index();
  Result<RejectFileHead> head() override;
  Result<std::optional<RefusedRecord>> next() override;
  Result<std::string> next_piece() override;
  Result<void> skip(std::uint64_t records) override;

 private:
  Error damaged(std::string_view what) const {
    return {Code::InternalError,
            fmt::format("the stored reject file is damaged in frame {}: {}", frame_, what)};
  }
  Result<std::string> bytes_at(std::uint64_t offset, std::uint64_t size);
  Result<std::string> unpacked(std::size_t frame);
  Result<std::string_view> line();
  Result<Json> object();
  Result<RefusedRecord> record_from(const Json& json);
  Problem problem_from(const Json& json, const table::Reject& reject, std::string_view raw) const;
  Result<std::string> raw_from(const Json& json);

  std::shared_ptr<io::SourceFile> file_;
  std::unique_ptr<io::Source> source_;
  std::uint64_t source_at_ = 0;
  std::vector<Frame> frames_;
  std::uint64_t index_at_ = 0, records_ = 0;

  std::size_t frame_ = 0;  ///< the next one to be unpacked
  std::string text_;       ///< of the one that is being read
  std::size_t used_ = 0, line_at_ = 0;
  Place before_;
  std::uint64_t read_ = 0;  ///< records
  table::TableSchema schema_;
};

/// Forward along one source where that can be, since each opening of a file that is far away is a request.
Result<std::string> Version2::bytes_at(std::uint64_t offset, std::uint64_t size) {
  if (!source_ || source_at_ != offset) {
    TRY_ASSIGN(source_, file_->open(offset));
    source_at_ = offset;
  }
  std::string bytes(static_cast<std::size_t>(size), '\0');
  TRY_ASSIGN(const std::size_t got, io::read_fully(*source_, bytes));
  source_at_ += got;
  if (got != size) return std::unexpected(damaged("it ends in the middle"));
  return bytes;
}

Result<void> Version2::read_index() {
  const std::uint64_t size = file_->stored_size();
  if (size < kTrailerBytes) return std::unexpected(damaged("it ends in the middle"));
  TRY_ASSIGN(const std::string trailer, bytes_at(size - kTrailerBytes, kTrailerBytes));
  index_at_ = number_at(trailer, 0);
  const std::uint64_t count = number_at(trailer, 8);
  records_ = number_at(trailer, 16);
  constexpr std::uint64_t kFrameHead = 8;
  if (!trailer.ends_with(kMagic) || count > size / kEntryBytes || index_at_ > size ||
      index_at_ + kFrameHead + count * kEntryBytes + kTrailerBytes != size)
    return std::unexpected(damaged("its index is missing"));

  TRY_ASSIGN(const std::string index, bytes_at(index_at_ + kFrameHead, count * kEntryBytes));
  std::uint64_t least = 0;
  for (std::size_t at = 0; at < index.size(); at += kEntryBytes) {
    const Frame frame{number_at(index, at), number_at(index, at + 8),
                      static_cast<FrameKind>(number_at(index, at + 16))};
    if (frame.offset < least || frame.offset >= index_at_)
      return std::unexpected(damaged("its index is wrong"));
    least = frame.offset + 1;
    frames_.push_back(frame);
  }
  return {};
}

Result<std::string> Version2::unpacked(std::size_t frame) {
  const std::uint64_t begin = frames_[frame].offset;
  const std::uint64_t end = frame + 1 < frames_.size() ? frames_[frame + 1].offset : index_at_;
  if (end - begin > kMostFrameBytes) return std::unexpected(damaged("a frame is too large"));
  TRY_ASSIGN(const std::string packed, bytes_at(begin, end - begin));
  Result<std::string> bytes = io::unpack_zstd_frame(packed, kMostFrameBytes);
  if (!bytes) return std::unexpected(damaged(bytes.error().message));
  return bytes;
}

/// The next line; pieces of a large record that nobody asked for are passed over.
Result<std::string_view> Version2::line() {
  while (used_ == text_.size()) {
    while (frame_ < frames_.size() && frames_[frame_].kind != FrameKind::Lines) ++frame_;
    if (frame_ == frames_.size()) return std::unexpected(damaged("its end is missing"));
    TRY_ASSIGN(text_, unpacked(frame_));
    ++frame_;
    used_ = 0;
    before_ = {};
  }
  const std::size_t end = text_.find('\n', used_);
  if (end == std::string::npos) return std::unexpected(damaged("a line has no end"));
  const std::string_view line = std::string_view(text_).substr(used_, end - used_);
  line_at_ = used_;
  used_ = end + 1;
  return line;
}

Result<Json> Version2::object() {
  TRY_ASSIGN(const std::string_view text, line());
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return std::unexpected(damaged("not JSON"));
  return json;
}

Result<RejectFileHead> Version2::head() {
  TRY_ASSIGN(const Json json, object());
  try {
    RejectFileHead head = head_from(json, kVersion);
    TRY_ASSIGN(schema_, table::schema_from_json(head.schema, head.table));
    return head;
  } catch (const std::exception& error) {
    return std::unexpected(damaged(error.what()));
  }
}

Problem Version2::problem_from(const Json& json, const table::Reject& reject, std::string_view raw) const {
  Problem problem{.code = code_from_text(json.at(0).get<std::string>()).value_or(Code::InternalError)};
  const auto index = [](const Json& number) {
    return number.get<std::int64_t>() < 0 ? Problem::kNoField : number.get<std::uint32_t>();
  };
  problem.field = index(json.at(1));
  problem.column = index(json.at(2));
  problem.at.line = reject.line + static_cast<std::uint64_t>(json.at(3).get<std::int64_t>());
  problem.at.column = json.at(4);

  const Json& found = json.at(5);
  if (found.is_string()) {
    problem.found = found;
  } else {
    const auto size = found.get<std::int64_t>();
    const std::uint64_t begin = problem.at.column - (size < 0 ? 0 : 1);
    problem.found = part_of(raw, begin, static_cast<std::size_t>(size < 0 ? -size : size));
  }
  if (json.size() > 6) problem.detail = json.at(6);
  return problem;
}

Result<std::string> Version2::raw_from(const Json& json) {
  if (json.is_string()) return json.get<std::string>();
  if (json.contains("base64")) {
    std::optional<std::string> bytes = base64_decode(json.at("base64").get<std::string>());
    if (!bytes) return std::unexpected(damaged("its base64 is none"));
    return *std::move(bytes);
  }
  if (json.at("bytes").get<std::uint64_t>() > kWholeRecordBytes) return std::string();

  std::string raw;
  for (;;) {
    TRY_ASSIGN(const std::string piece, next_piece());
    if (piece.empty()) break;
    raw += piece;
    if (raw.size() > kWholeRecordBytes) return std::unexpected(damaged("a record is larger than it says"));
  }
  if (raw.size() != json.at("bytes").get<std::uint64_t>())
    return std::unexpected(damaged("bytes are missing"));
  return raw;
}

Result<RefusedRecord> Version2::record_from(const Json& json) {
  table::Reject reject{.line = before_.line + json.at(0).get<std::uint64_t>(),
                       .record = before_.record + json.at(1).get<std::uint64_t>(),
                       .offset = before_.offset + json.at(2).get<std::uint64_t>()};
  before_ = {reject.line, reject.record, reject.offset};
  const Json& bytes = json.at(5);
  TRY_ASSIGN(std::string raw, raw_from(bytes));
  for (const Json& problem : json.at(3)) reject.problems.push_back(problem_from(problem, reject, raw));

  const bool is_large = bytes.is_object() && bytes.contains("bytes") && raw.empty();
  RefusedRecord record = in_words(reject, std::move(raw), schema_);
  record.more = json.at(4);
  if (is_large) record.raw_bytes = bytes.at("bytes");
  return record;
}

Result<std::optional<RefusedRecord>> Version2::next() {
  TRY_ASSIGN(const Json json, object());
  try {
    if (json.is_object()) {
      if (json.at("rejects") != read_ || records_ != read_)
        return std::unexpected(damaged("records are missing"));
      return std::optional<RefusedRecord>{};
    }
    ++read_;
    TRY_ASSIGN(RefusedRecord record, record_from(json));
    return std::optional(std::move(record));
  } catch (const std::exception& error) {
    return std::unexpected(damaged(error.what()));
  }
}

Result<std::string> Version2::next_piece() {
  if (used_ != text_.size() || frame_ == frames_.size() || frames_[frame_].kind != FrameKind::Bytes)
    return std::string();
  return unpacked(frame_++);
}

Result<void> Version2::skip(std::uint64_t records) {
  const std::uint64_t target = read_ + records;
  // The last frame that begins at or before the target; the head has frame 0 for itself.
  for (std::size_t at = frames_.size(); at-- > std::max<std::size_t>(frame_, 1);) {
    if (frames_[at].kind != FrameKind::Lines || frames_[at].first_record > target) continue;
    frame_ = at;
    read_ = frames_[at].first_record;
    text_.clear();
    used_ = 0;
    break;
  }

  // Places are relative, so lines are looked at even where their records are not wanted.
  for (; read_ < target; ++read_) {
    TRY_ASSIGN(const Json json, object());
    if (json.is_object()) {
      used_ = line_at_;  // the end is for next()
      return {};
    }
    try {
      before_ = {before_.line + json.at(0).get<std::uint64_t>(),
                 before_.record + json.at(1).get<std::uint64_t>(),
                 before_.offset + json.at(2).get<std::uint64_t>()};
    } catch (const std::exception& error) {
      return std::unexpected(damaged(error.what()));
    }
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<RejectReader::Format>> open_version_2(const std::shared_ptr<io::SourceFile>& file) {
  auto format = std::make_unique<Version2>(file);
  TRY(format->read_index());
  return std::unique_ptr<RejectReader::Format>(std::move(format));
}

}  // namespace rowgate::load
