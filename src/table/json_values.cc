#include "table/json_values.h"

#include "table/numbers.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>

namespace rowgate::table {
namespace {

using Json = nlohmann::json;

/// Geometries within geometries; what is deeper is refused.
constexpr int kMostNested = 64;

Json parsed(std::string_view text) {
  return Json::parse(text.begin(), text.end(), nullptr, false);
}

bool is_position(const Json& json) {
  return json.is_array() && json.size() >= 2 &&
         std::all_of(json.begin(), json.end(), [](const Json& item) { return item.is_number(); });
}

/// Arrays of arrays of ... of positions, `depth` of them.
bool are_positions(const Json& json, int depth) {
  if (depth == 0) return is_position(json);
  return json.is_array() && std::all_of(json.begin(), json.end(),
                                        [&](const Json& item) { return are_positions(item, depth - 1); });
}

struct Geometry {
  std::string_view type;
  int depth;  ///< of its coordinates
};
constexpr Geometry kGeometries[] = {{"Point", 0},           {"MultiPoint", 1}, {"LineString", 1},
                                    {"MultiLineString", 2}, {"Polygon", 2},    {"MultiPolygon", 3}};

std::string why_not_geometry(const Json& json, int nested);

/// A list of GeoJSON objects.
std::string why_not_all(const Json& owner, const char* member, int nested,
                        std::string (*why_not)(const Json&, int)) {
  const auto list = owner.find(member);
  if (list == owner.end() || !list->is_array()) return fmt::format("`{}` is no list", member);
  if (nested >= kMostNested) return "it is nested too deeply";
  for (const Json& item : *list)
    if (std::string why = why_not(item, nested + 1); !why.empty()) return why;
  return {};
}

std::string why_not_geometry(const Json& json, int nested) {
  if (!json.is_object()) return "a geometry is no object";
  const std::string type = json.value("type", Json()).is_string() ? json["type"].get<std::string>() : "";
  if (type == "GeometryCollection") return why_not_all(json, "geometries", nested, why_not_geometry);
  const auto* known = std::find_if(std::begin(kGeometries), std::end(kGeometries),
                                   [&](const Geometry& geometry) { return geometry.type == type; });
  if (known == std::end(kGeometries)) return "`type` is no type of GeoJSON";
  const auto coordinates = json.find("coordinates");
  if (coordinates == json.end() || !are_positions(*coordinates, known->depth))
    return fmt::format("the coordinates are not those of a {}", type);
  return {};
}

std::string why_not_feature(const Json& json, int nested) {
  if (!json.is_object() || json.value("type", Json()) != "Feature") return "a feature is none";
  const auto geometry = json.find("geometry"), properties = json.find("properties");
  if (geometry == json.end() || properties == json.end()) return "a feature has no geometry or properties";
  if (!properties->is_object() && !properties->is_null()) return "`properties` is no object";
  return geometry->is_null() ? std::string() : why_not_geometry(*geometry, nested);
}

std::string why_not_geojson(const Json& json) {
  const Json type = json.value("type", Json());
  if (type == "Feature") return why_not_feature(json, 0);
  if (type == "FeatureCollection") return why_not_all(json, "features", 0, why_not_feature);
  return why_not_geometry(json, 0);
}

std::string why_not_topojson(const Json& json) {
  if (json.value("type", Json()) != "Topology") return "`type` is not Topology";
  if (!json.value("objects", Json()).is_object()) return "`objects` is no object";
  const Json arcs = json.value("arcs", Json());
  if (!are_positions(arcs, 2)) return "`arcs` is no list of lists of positions";
  return {};
}

/// A number's text as a point keeps it; empty where it is none.
std::string coordinate(std::string_view text) {
  if (!is_plain_number(text)) return {};
  if (text.starts_with('+')) text.remove_prefix(1);
  return std::string(text);
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

/// Takes two numbers out of an array or an object, as they were written.
class PointReader : public nlohmann::json_sax<Json> {
 public:
  explicit PointReader(bool of_object) : of_object_(of_object) {}
  std::array<std::string, 2> numbers = {};

  bool null() override { return false; }
  bool boolean(bool) override { return false; }
  bool number_integer(number_integer_t value) override { return take(std::to_string(value)); }
  bool number_unsigned(number_unsigned_t value) override { return take(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override { return take(text); }
  bool string(string_t&) override { return false; }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return of_object_ && depth_++ == 0; }
  bool key(string_t& name) override {
    at_ = name == "lon" ? 0 : name == "lat" ? 1 : 2;
    return at_ < 2;
  }
  bool end_object() override { return true; }
  bool start_array(std::size_t) override { return !of_object_ && depth_++ == 0; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception&) override {
    return false;
  }

 private:
  bool take(std::string text) {
    if (depth_ == 0 || at_ >= numbers.size() || !numbers[at_].empty()) return false;
    numbers[at_++] = std::move(text);
    return true;
  }

  bool of_object_;
  int depth_ = 0;
  std::size_t at_ = 0;
};

bool is_within(const std::string& number, double most) {
  double value = 0;
  (void)read_double(number, value);  // the nearest double is good enough here
  return value >= -most && value <= most;
}

}  // namespace

std::string why_not_json(std::string_view text, JsonShape shape) {
  const Json json = parsed(text);
  if (json.is_discarded()) return "no valid JSON";
  if (shape == JsonShape::Array) return json.is_array() ? std::string() : "JSON, but no array";
  if (!json.is_object()) return "JSON, but no object";
  if (shape == JsonShape::GeoJson) return why_not_geojson(json);
  return shape == JsonShape::TopoJson ? why_not_topojson(json) : std::string();
}

std::size_t json_length(std::string_view text) {
  return parsed(text).size();
}

bool same_json(std::string_view left, std::string_view right) {
  return parsed(left) == parsed(right);
}

std::optional<GeoPoint> read_geopoint(std::string_view text, std::string_view format) {
  std::array<std::string, 2> numbers;
  if (format == "default") {
    const std::size_t comma = text.find(',');
    if (comma == text.npos) return std::nullopt;
    numbers = {coordinate(without_blanks(text.substr(0, comma))),
               coordinate(without_blanks(text.substr(comma + 1)))};
  } else {
    PointReader reader(format == "object");
    if (!Json::sax_parse(text.begin(), text.end(), &reader)) return std::nullopt;
    numbers = std::move(reader.numbers);
  }
  if (numbers[0].empty() || numbers[1].empty()) return std::nullopt;
  return GeoPoint{fmt::format("{},{}", numbers[0], numbers[1]),
                  !is_within(numbers[0], 180) || !is_within(numbers[1], 90)};
}

}  // namespace rowgate::table
