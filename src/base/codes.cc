#include "base/codes.h"

#include <array>
#include <cstddef>

namespace rowgate {
namespace {

constexpr Severity kError = Severity::Error;
constexpr Severity kWarning = Severity::Warning;

// The one table of all codes, in the order of the enum. `kind` is the error kind of Frictionless where there
// is one.
constexpr auto kCodes = std::to_array<CodeInfo>({
    {Code::FileNotFound, "file.not_found", "the file does not exist", "source-error", kError, 1,
     "No file has the given name.", "Check the path; relative paths start at the current folder.",
     "rowgate load missing.csv"},
    {Code::FileUnreadable, "file.unreadable", "the file cannot be read", "source-error", kError, 1,
     "The path is a folder, the user may not read it, or reading failed half-way.",
     "Give a plain file that this user may read; pipe anything else in through `-`.", "rowgate load /tmp"},
    {Code::FileEmpty, "file.empty", "the file is empty", "source-error", kError, 3,
     "The file has no bytes, or nothing but blank lines.",
     "Export the data again; a header line alone would be fine.", "(a file of 0 bytes)"},
    {Code::FileBadCompression, "file.bad_compression", "the compressed file is damaged", "compression-error",
     kError, 3, "The gzip or zstd stream is cut short, fails its checksum, or has other bytes behind it.",
     "Copy or compress the file again; nothing of it was loaded.",
     "(a .csv.gz file without its last 100 bytes)"},
    {Code::CsvUnclosedQuote, "csv.unclosed_quote", "a quoted field is not closed", "source-error", kError, 3,
     "A field begins with a quote, and no closing quote comes before the field's limit or the end of the "
     "file.",
     "Close the quote, or double it if it is part of the text.", "7,\"Ada Example,2021-11-07"},
    {Code::CsvStrayQuote, "csv.stray_quote", "a quote in the wrong place", "source-error", kError, 3,
     "A quote stands inside an unquoted field, or a closing quote is followed by something else than a "
     "delimiter.",
     "Put the whole field in quotes and double each quote inside it.", "7,\"Ada \"the\" Example\",5"},
    {Code::CsvNulByte, "csv.nul_byte", "a NUL byte", "encoding-error", kError, 3,
     "The record contains a byte of value 0, which no text has.",
     "Find out what wrote the file; UTF-16 must be converted to UTF-8 first.", "7,Ada<NUL>Example,5"},
    {Code::RecordNotUtf8, "record.not_utf8", "bytes that are not UTF-8", "encoding-error", kError, 3,
     "The record has a byte sequence that is not valid UTF-8, often because the file is in Windows-1252.",
     "Convert the file first: iconv -f WINDOWS-1252 -t UTF-8 in.csv > out.csv", "7,Jos<E9>,5"},
    {Code::RecordTooFewFields, "record.too_few_fields", "fields are missing", "missing-cell", kError, 3,
     "The record has fewer fields than the header.", "Add the missing delimiters or values.",
     "7,Ada Example"},
    {Code::RecordTooManyFields, "record.too_many_fields", "there are surplus fields", "extra-cell", kError, 3,
     "The record has more fields than the header.",
     "Quote the field that holds a delimiter, or take out what is too much.",
     "7,Example, Ada,2021-11-07T02:48:42Z,5,96"},
    {Code::RecordBlank, "record.blank", "a blank line", "blank-row", kWarning, 0,
     "A line without any character stands between the records; it is counted and skipped.",
     "Nothing needs to be done.", "(an empty line)"},
    {Code::HeaderMismatch, "header.mismatch", "the header does not match the table", "incorrect-label",
     kError, 3, "Names in the first line are no fields of the table, or fields are missing from it.",
     "Rename the columns, or say which is which with --map column:field.", "id,full_name,datetime"},
    {Code::HeaderDuplicate, "header.duplicate", "a name stands twice in the header", "duplicate-label",
     kError, 3, "Two columns have the same name, so it is not clear which one is meant.",
     "Rename or remove one of them.", "id,name,name"},
    {Code::HeaderBlank, "header.blank", "a column has no name", "blank-label", kError, 3,
     "A name in the first line is empty.",
     "Name the column, or set `header: false` for a file without header.", "id,,datetime"},
    {Code::HeaderExtra, "header.extra", "a column that is no field was left out", "extra-label", kWarning, 0,
     "The file has more columns than the table, which its `fieldsMatch` allows.",
     "Nothing needs to be done; add the field to the schema to keep its values.", "id,name,comment"},
    {Code::TableUnknown, "table.unknown", "there is no such table", "", kError, 2,
     "The configuration has no table of this name, or the name cannot be a table's.",
     "Check the spelling, or add the table to rowgate.yaml.", "rowgate load people.csv --table pepole"},
    {Code::TableDiffers, "table.differs", "the table in the database differs from its schema", "", kError, 5,
     "Columns, types or keys of the existing table are not those of the configured schema.",
     "Change the schema back, change the table by hand, or load with --mode replace, which makes it anew.",
     "(a field was added to rowgate.yaml after the first load)"},
    {Code::TableBusy, "table.busy", "another process is writing", "", kError, 5,
     "Another process held the database's write lock for the whole waiting time.",
     "Wait until it is done and load again; nothing was loaded.", "(two loads into one SQLite file)"},
    {Code::ValueNotInteger, "value.not_integer", "not a whole number", "type-error", kError, 3,
     "The field is an integer and the value is not one.",
     "Correct the value, or make the field a number or string.", "12a"},
    {Code::ValueNotNumber, "value.not_number", "not a number", "type-error", kError, 3,
     "The field is a number and the value is not one.",
     "Correct the value; decimalChar and groupChar of the field tell how numbers are written.", "1,5"},
    {Code::ValueNotBoolean, "value.not_boolean", "not a boolean", "type-error", kError, 3,
     "The value is none of the field's trueValues and falseValues.",
     "Correct the value, or add the word to the field's list.", "yes"},
    {Code::ValueNotDate, "value.not_date", "not a date", "type-error", kError, 3,
     "The value is no date in the field's format, or no day of the calendar.",
     "Write YYYY-MM-DD, or set `format` of the field.", "2021-02-30"},
    {Code::ValueNotTime, "value.not_time", "not a time", "type-error", kError, 3,
     "The value is no time of day in the field's format.", "Write hh:mm:ss, or set `format` of the field.",
     "25:00:00"},
    {Code::ValueNotDatetime, "value.not_datetime", "not a date and time", "type-error", kError, 3,
     "The value is no date and time in the field's format, or no day of the calendar.",
     "Write YYYY-MM-DDTHH:MM:SSZ, or set `format` of the field.", "2021-13-07T02:48:42Z"},
    {Code::ValueNotFormat, "value.not_format", "not of the field's format", "type-error", kError, 3,
     "The field is a string of format email, uri or uuid and the value is not written like one.",
     "Correct the value, or take the format off the field.", "ada(at)example.org"},
    {Code::ValueOutOfRange, "value.out_of_range", "a value that the column cannot hold exactly", "type-error",
     kError, 3,
     "The number needs more than 64 bits, more digits than a double or the field's decimal has, or a time is "
     "finer than the "
     "field's precision.",
     "Correct the value, or declare rowgate:decimal or rowgate:precision; values are never rounded.",
     "9223372036854775808"},
    {Code::RuleRequired, "rule.required", "required value is missing", "constraint-error", kError, 3,
     "The field must have a value and the cell is empty.",
     "Give the value, or drop `required` from the field.", "7,,5"},
    {Code::RuleMinimum, "rule.minimum", "below the minimum", "constraint-error", kError, 3,
     "The value is smaller than the field's minimum.", "Correct the value, or lower the field's minimum.",
     "-1"},
    {Code::RuleMaximum, "rule.maximum", "above the maximum", "constraint-error", kError, 3,
     "The value is larger than the field's maximum.", "Correct the value, or raise the field's maximum.",
     "101"},
    {Code::RuleMinLength, "rule.min_length", "too short", "constraint-error", kError, 3,
     "The value has fewer characters than the field's minLength.", "Correct the value, or lower minLength.",
     "A"},
    {Code::RuleMaxLength, "rule.max_length", "too long", "constraint-error", kError, 3,
     "The value has more characters than the field's maxLength.",
     "Shorten the value, or raise maxLength; text is never cut.", "(201 letters in a field of 200)"},
    {Code::RulePattern, "rule.pattern", "does not match the pattern", "constraint-error", kError, 3,
     "The whole value must match the field's regular expression and does not.",
     "Correct the value or the pattern.", "AB-12"},
    {Code::RuleEnum, "rule.enum", "not one of the allowed values", "constraint-error", kError, 3,
     "The field lists its allowed values and this is none of them.",
     "Correct the value, or add it to `enum`.", "purple"},
    {Code::KeyDuplicateInFile, "key.duplicate_in_file", "the key stands in the file before",
     "primary-key-error", kError, 3, "An earlier record of the same file has the same key; that one counts.",
     "Decide which of the two is right and remove the other.", "(two rows with id 7)"},
    {Code::KeyDuplicateInTable, "key.duplicate_in_table", "the key is in the table already",
     "primary-key-error", kError, 3, "A row with the same primary key was loaded before.",
     "Remove the row, or load with --mode upsert to update it.", "(loading the same file twice)"},
    {Code::KeyNotUnique, "key.not_unique", "the value is in the table already and must be unique",
     "unique-error", kError, 3,
     "Another row of the table has the same value in a unique field or group of fields.",
     "Correct the value, or drop the unique rule.", "(two departments of one name)"},
    {Code::KeyNoParent, "key.no_parent", "the referenced row does not exist", "foreign-key", kError, 3,
     "The value refers to a row of another table which is not there.",
     "Load the other table first, or correct the value.", "7,Ada Example,2021-11-07T02:48:42Z,77,96"},
    {Code::KeyHasChildren, "key.has_children", "rows to be removed are still referenced", "foreign-key",
     kError, 3, "A replacing load would remove rows that rows of other tables refer to.",
     "Keep those rows in the file, or remove the rows that refer to them first; nothing was loaded.",
     "(replacing departments without one that has employees)"},
    {Code::DatabaseUnreachable, "database.unreachable", "the database cannot be opened", "", kError, 6,
     "The file is no database, its folder is missing, or the server does not answer.",
     "Check database.url and run `rowgate doctor`.", "rowgate rows t --to sqlite:notes.txt"},
    {Code::DatabaseRefused, "database.refused", "the database refused what rowgate had accepted", "", kError,
     1, "A constraint of the database that the schema does not know, or a fault of rowgate.",
     "Look at the constraints and triggers of the table; if there are none of your own please report it.",
     "(a trigger that raises an error)"},
    {Code::DatabaseReadOnly, "database.read_only", "the database cannot be written", "", kError, 1,
     "The file, its folder or the file system is read-only for this user.",
     "Give this user the right to write there.", "(a database on a read-only disk)"},
    {Code::LimitColumns, "limit.columns", "too many columns", "source-error", kError, 3,
     "The first line has more columns than limits.max_columns.",
     "Check the delimiter, or raise limits.max_columns.", "(2,000 columns)"},
    {Code::LimitField, "limit.field", "a field is too long", "source-error", kError, 3,
     "A field has more bytes than limits.max_field_bytes.", "Shorten it, or raise limits.max_field_bytes.",
     "(a field of 1 MiB and 1 byte)"},
    {Code::LimitRecord, "limit.record", "a record is too long", "source-error", kError, 3,
     "A record has more bytes than limits.max_record_bytes.",
     "Look for a missing line end, or raise limits.max_record_bytes.", "(a line of 5 MiB)"},
    {Code::LimitRejects, "limit.rejects", "too many rows were refused", "", kError, 3,
     "More rows were refused than max_rejects allows, a strict load met one, or none was acceptable.",
     "Repair the rows (rowgate rejects RUN), or allow more with --max-rejects; nothing was loaded.",
     "(a file whose every row lacks an id)"},
    {Code::RunUnknown, "run.unknown", "there is no such run", "", kError, 1,
     "No run in the ledger begins with this id, or several do.", "List them with `rowgate runs`.",
     "rowgate runs show run_0000"},
    {Code::RunInterrupted, "run.interrupted", "the run was stopped", "", kError, 130,
     "The process was told to stop, or ended, before the load was committed; nothing of it is in the table.",
     "Load the file again.", "(Ctrl-C)"},
    {Code::ReportUnknown, "report.unknown", "there is no such report", "", kError, 2,
     "The configuration has no report of this name.", "List them with `rowgate report`.",
     "rowgate report sales"},
    {Code::ReportBadParameter, "report.bad_parameter", "a parameter of the report is wrong", "", kError, 2,
     "A parameter is missing, not known to the report, or not of its type.", "Give it as --param name=value.",
     "rowgate report hired --param year=last"},
    {Code::ReportBadSql, "report.bad_sql", "the report's SQL cannot be run", "", kError, 1,
     "The statement does not compile, is more than one, would write, or its columns are not those "
     "configured.",
     "Correct `sql:` or `columns:` of the report in rowgate.yaml.", "DELETE FROM jobs"},
    {Code::ReportTimeout, "report.timeout", "the report took too long", "", kError, 1,
     "The query ran longer than the report's timeout.",
     "Make the query cheaper, or raise `timeout` of the report.", "(a join without condition)"},
    {Code::ReportTooLarge, "report.too_large", "the report has too many rows", "", kError, 1,
     "The result has more rows than the report's limit.",
     "Aggregate or filter in the query, or raise the limit.", "(6 million rows)"},
    {Code::ConfigInvalid, "config.invalid", "the configuration is wrong", "", kError, 2,
     "A key is unknown, a value is of the wrong form, or settings contradict each other.",
     "Correct the place that is named; `rowgate config check` tells all of them at once.", "limts: {}"},
    {Code::RequestInvalid, "request.invalid", "the command is wrong", "", kError, 2,
     "A command, flag or argument is unknown, missing or contradicts another.", "See `rowgate --help`.",
     "rowgate laod"},
    {Code::StorageFull, "storage.full", "the disk is full", "", kError, 1,
     "There is no room for the database, the rejects or scratch files.",
     "Make room and load again; nothing was loaded.", "(a full disk)"},
    {Code::StorageDenied, "storage.denied", "a file or folder cannot be written", "", kError, 1,
     "This user may not write where rejects, scratch files or the output are to go.",
     "Give the right to write there, or set another folder in `storage`.", "(a read-only folder)"},
    {Code::InternalError, "internal.error", "rowgate itself failed", "", kError, 1,
     "Something happened that must not happen; nothing was loaded.", "Please report it with the message.",
     "(numbers that do not balance)"},
});

constexpr bool in_enum_order() {
  for (std::size_t i = 0; i < kCodes.size(); ++i)
    if (static_cast<std::size_t>(kCodes[i].code) != i) return false;
  return kCodes.size() == static_cast<std::size_t>(Code::InternalError) + 1;
}
static_assert(in_enum_order());

}  // namespace

std::span<const CodeInfo> all_codes() {
  return kCodes;
}

const CodeInfo& info(Code code) {
  return kCodes[static_cast<std::size_t>(code)];
}

std::optional<Code> code_from_text(std::string_view text) {
  for (const CodeInfo& row : kCodes)
    if (row.text == text) return row.code;
  return std::nullopt;
}

}  // namespace rowgate
