#pragma once

#include "base/error.h"
#include "table/schema.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace rowgate::table {

/// One thing that is wrong with a record.
struct Problem {
  static constexpr std::uint32_t kNoField = 0xffffffff;
  Code code;
  std::uint32_t field =
      kNoField;  ///< index into TableSchema::fields; kNoField when the record as a whole is meant
  std::uint32_t column = kNoField;  ///< index of the file's column, from 0
  Position at;                      ///< where the cell (or the trouble) begins in the file
  std::string found = {};   ///< the offending value, as it stands in the file without its quotes; whole
  std::string detail = {};  ///< what exactly: "month 13", "at most 100", "minimum is 1"; may be empty
  friend bool operator==(const Problem&, const Problem&) = default;
};

/// A refused record: where it is in the (decoded) file and every reason. Its bytes are not copied: they are
/// read again from the file at offset, length.
struct Reject {
  std::uint64_t line = 0;    ///< the line it begins in; identifies the record, since no two begin in one line
  std::uint64_t record = 0;  ///< number of the record in the file, from 1
  std::uint64_t offset = 0, length = 0;
  std::vector<Problem> problems;                            ///< of stage 2 at most kMostProblems
  std::vector<std::pair<Code, std::uint32_t>> unkept = {};  ///< code and field of those beyond, only counted
};

/// As many problems of a record are kept: one of a thousand columns may have a thousand, which help nobody.
inline constexpr std::size_t kMostProblems = 100;

/// A problem in words, the same in every door.
struct Description {
  std::string title;     ///< "`job_id` is empty", "`2021-13-07` is not a date and time"
  std::string label;     ///< beside the caret: "a whole number is required here", "month 13"
  std::string expected;  ///< "YYYY-MM-DDTHH:MM:SSZ, for example 2021-11-07T02:48:42Z"; may be empty
  std::string help;      ///< what to do; may be empty
};
/// `problem` as found under `schema`. For key.* codes found and detail come from the loader.
Description describe(const Problem& problem, const TableSchema& schema);
/// Problems of one code and field without the value: "job_id is empty", "datetime is not a date and time".
std::string group_title(Code code, std::string_view field_name);

}  // namespace rowgate::table
