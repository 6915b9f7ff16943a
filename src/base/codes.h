#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace rowgate {

/// Every kind of trouble that a user can meet. Codes are API: added, never renamed or reused.
/// The text form ("csv.unclosed_quote") and all that is said about a code stand in one table, codes.cc.
enum class Code : std::uint8_t {
  FileNotFound,
  FileUnreadable,
  FileChanged,
  FileEmpty,
  FileBadCompression,
  FileBadEncoding,
  CsvUnclosedQuote,
  CsvStrayQuote,
  CsvNulByte,
  RecordNotUtf8,
  RecordTooFewFields,
  RecordTooManyFields,
  RecordBlank,
  HeaderMismatch,
  HeaderDuplicate,
  HeaderBlank,
  HeaderExtra,
  TableUnknown,
  TableDiffers,
  TableBusy,
  TableNotTransactional,
  ValueNotInteger,
  ValueNotNumber,
  ValueNotBoolean,
  ValueNotDate,
  ValueNotTime,
  ValueNotDatetime,
  ValueNotFormat,
  ValueNotJson,
  ValueNotYear,
  ValueNotYearmonth,
  ValueNotDuration,
  ValueNotList,
  ValueNotGeopoint,
  ValueOutOfRange,
  RuleRequired,
  RuleMinimum,
  RuleMaximum,
  RuleMinLength,
  RuleMaxLength,
  RulePattern,
  RuleEnum,
  KeyDuplicateInFile,
  KeyDuplicateInTable,
  KeyNotUnique,
  KeyNoParent,
  KeyHasChildren,
  DatabaseUnreachable,
  DatabaseRefused,
  DatabaseReadOnly,
  DatabaseDeadlock,
  DatabasePrivilege,
  DatabaseSecret,
  DatabaseInsecure,
  DatabaseRowsMissing,
  LimitColumns,
  LimitBytes,
  LimitField,
  LimitRecord,
  LimitKey,
  LimitRejects,
  LimitRejectBytes,
  LimitAnswer,
  RunUnknown,
  RunInterrupted,
  RunUndecided,
  RunFinished,
  RunRejectsExpired,
  RunQueueFull,
  RunDraining,
  RunIdempotencyInProgress,
  RunIdempotencyReused,
  SourceNotOffered,
  SourceUnknown,
  ReportUnknown,
  ReportLinkUnknown,
  ReportLinkExpired,
  ReportLinkForged,
  ReportBadParameter,
  ReportBadSql,
  ReportTimeout,
  ReportTooLarge,
  ReportQueueFull,
  ConfigInvalid,
  ConfigCannotListen,
  RequestInvalid,
  RequestMalformed,
  RequestBadCursor,
  RequestBadJson,
  RequestOneFileExpected,
  RequestUnsupportedMedia,
  RequestUnsupportedEncoding,
  RequestNotFound,
  RequestMethodNotAllowed,
  RequestNotAcceptable,
  RequestTimeout,
  RequestUriTooLong,
  RequestHeaderTooLarge,
  RequestDigestMismatch,
  RequestExpectation,
  RequestNotImplemented,
  RequestHttpVersion,
  RequestTooManyConnections,
  RequestRangeNotSatisfiable,
  RequestMisdirected,
  RequestCrossSite,
  AuthUnauthenticated,
  AuthForbidden,
  AuthTooManyFailures,
  StorageFull,
  StorageDenied,
  StorageUnreachable,
  InternalError,
  InternalInvariant,
};

enum class Severity : std::uint8_t { Error, Warning };

/// The row of the table for one code: what `rowgate explain` prints and what docs/errors.md is made from.
struct CodeInfo {
  Code code;
  std::string_view text;   ///< "rule.required"
  std::string_view slug;   ///< its problem type (RFC 9457), /problems/rows-rejected; several codes share one
  int http_status;         ///< of an answer that says this code
  std::string_view title;  ///< "required value is missing"
  std::string_view kind;   ///< the Frictionless error kind, "constraint-error"; empty where it has none
  Severity severity;       ///< a warning never refuses anything
  int exit_code;           ///< of the command line; errors_page.cc says what each one means
  std::string_view cause;  ///< one sentence
  std::string_view fix;    ///< one sentence
  std::string_view example;  ///< one line of input, SQL or command that provokes it
};

/// All codes in the order of the enum.
std::span<const CodeInfo> all_codes();
const CodeInfo& info(Code code);
inline std::string_view text(Code code) {
  return info(code).text;
}
/// nullopt for a text that is no code.
std::optional<Code> code_from_text(std::string_view text);

}  // namespace rowgate
