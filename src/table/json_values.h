#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace rowgate::table {

/// What a text of JSON (RFC 8259) must be.
enum class JsonShape : std::uint8_t { Object, Array, GeoJson, TopoJson };

/// Why `text` is no JSON of that shape, or empty. GeoJson: an object of RFC 7946, each with the members that
/// its type asks for and positions of two numbers or more (rings are not checked to be closed). TopoJson: a
/// topology with its objects and arcs.
std::string why_not_json(std::string_view text, JsonShape shape);

/// Members of an object or items of an array; `text` must be one.
std::size_t json_length(std::string_view text);

/// Whether two texts are the same JSON value: spaces, the order of members and the form of numbers do not
/// count.
bool same_json(std::string_view left, std::string_view right);

/// A point as "longitude,latitude", each number as it was written but without a plus.
struct GeoPoint {
  std::string canonical;
  bool out_of_range = false;  ///< beyond 180 or 90 degrees
};

/// Reads a geopoint of Table Schema's format: "default" ("90.50, 45.50"), "array" ("[90.50, 45.50]") or
/// "object" ({"lon": 90.50, "lat": 45.50}). nullopt when it is none.
std::optional<GeoPoint> read_geopoint(std::string_view text, std::string_view format);

}  // namespace rowgate::table
