#include "cli/terminal/source_excerpt.h"

#include "cli/terminal/text_table.h"
#include "cli/terminal/utf8.h"

#include <algorithm>

namespace rowgate::cli {
namespace {

constexpr std::string_view kCut = "...";
constexpr std::size_t kContext = 20;  ///< columns kept before a mark when a line is cut

/// A line as shown, with the display column of each of its bytes.
struct Shown {
  std::string text;
  std::vector<std::size_t> column_of_byte;  ///< one more than bytes: the end
};

Shown show(std::string_view line) {
  Shown shown;
  std::size_t column = 0;
  while (!line.empty()) {
    const Glyph glyph = first_glyph(line);
    const auto byte = static_cast<unsigned char>(line.front());
    const bool is_control = byte < 0x20 || byte == 0x7f || (glyph.bytes == 1 && byte >= 0x80);
    for (std::size_t i = 0; i < glyph.bytes; ++i) shown.column_of_byte.push_back(column);
    if (is_control) {
      shown.text += byte == '\t' ? ' ' : '?';
      column += 1;
    } else {
      shown.text += line.substr(0, glyph.bytes);
      column += glyph.columns;
    }
    line.remove_prefix(glyph.bytes);
  }
  shown.column_of_byte.push_back(column);
  return shown;
}

std::size_t column_at(const Shown& shown, std::uint64_t byte) {
  const std::size_t last = shown.column_of_byte.size() - 1;
  return byte > last ? shown.column_of_byte[last] + static_cast<std::size_t>(byte - last)
                     : shown.column_of_byte[byte];
}

/// Where a mark stands in display columns.
struct Span {
  std::size_t begin = 0, length = 1;
  std::string_view label;
};

std::vector<Span> places_of(const Shown& shown, const std::vector<Mark>& marks) {
  std::vector<Span> places;
  for (const Mark& mark : marks) {
    const std::uint64_t first = mark.column == 0 ? 0 : mark.column - 1;
    const std::size_t begin = column_at(shown, first);
    const std::size_t end =
        column_at(shown, std::min<std::uint64_t>(first + mark.bytes, shown.column_of_byte.size() - 1));
    places.push_back({begin, end > begin ? end - begin : 1, mark.label});
  }
  return places;
}

void put(std::string& row, std::size_t column, std::string_view text) {
  if (row.size() < column) row.resize(column, ' ');
  row.replace(column, std::min(text.size(), row.size() - column), text);
}

/// Cuts `text` to `width` columns so that `place` can be seen; gives how many columns went from its front.
std::size_t cut_around(std::string& text, const Span& place, std::size_t width) {
  if (display_width(text) <= width) return 0;
  std::size_t gone = 0;
  if (place.begin + std::min(place.length, width / 2) + kCut.size() > width) {
    const std::size_t wanted = place.begin > kContext ? place.begin - kContext : 0;
    const std::size_t bytes = bytes_within_width(text, wanted);
    gone = display_width(std::string_view(text).substr(0, bytes));
    if (gone > kCut.size()) {
      text.replace(0, bytes, kCut);
      gone -= kCut.size();
    } else {
      gone = 0;
    }
  }
  text = cut_to_width(text, width);
  return gone;
}

std::vector<std::string> rows_below(std::vector<Span> places, std::size_t gone, std::size_t width) {
  std::erase_if(places, [&](const Span& place) {
    return place.begin < gone || place.begin - gone >= std::max(width, gone + 1);
  });
  std::vector<std::string> rows(1);
  for (Span& place : places) {
    place.begin -= gone;
    place.length = std::min(place.length, width > place.begin ? width - place.begin : 1);
    put(rows[0], place.begin, std::string(place.length, '^'));
  }
  if (places.size() == 1 && !places[0].label.empty()) rows[0] += " " + std::string(places[0].label);
  if (places.size() <= 1) return rows;
  for (std::size_t i = places.size(); i-- > 0;) {
    std::string& row = rows.emplace_back();
    for (std::size_t j = 0; j < i; ++j) put(row, places[j].begin, "|");
    put(row, places[i].begin, places[i].label);
  }
  return rows;
}

}  // namespace

Excerpt make_excerpt(std::string_view line, const std::vector<Mark>& marks, std::size_t width) {
  const Shown shown = show(line);
  Excerpt excerpt{shown.text, {}};
  const std::vector<Span> places = places_of(shown, marks);
  const std::size_t gone = cut_around(excerpt.source, places.empty() ? Span{} : places.front(), width);
  if (!places.empty()) excerpt.below = rows_below(places, gone, width);
  return excerpt;
}

std::size_t cell_bytes(std::string_view line, std::size_t begin, std::string_view found) {
  if (begin >= line.size()) return 0;
  const std::string_view rest = line.substr(begin);
  if (!found.empty() && rest.starts_with(found)) return found.size();
  if (rest.front() == '"') {
    for (std::size_t i = 1; i < rest.size(); ++i) {
      if (rest[i] != '"') continue;
      if (i + 1 >= rest.size() || rest[i + 1] != '"') return i + 1;
      ++i;
    }
    return rest.size();
  }
  return found.empty() ? 0 : first_glyph(rest).bytes;
}

std::string_view line_of(std::string_view text, std::uint64_t number) {
  for (; number > 1; --number) {
    const std::size_t end = text.find_first_of("\r\n");
    if (end == std::string_view::npos) return {};
    const bool is_crlf = text[end] == '\r' && end + 1 < text.size() && text[end + 1] == '\n';
    text.remove_prefix(end + (is_crlf ? 2 : 1));
  }
  return text.substr(0, text.find_first_of("\r\n"));
}

}  // namespace rowgate::cli
