#include "api/core/negotiation.h"
#include "api/core/replies.h"
#include "api/handlers/handlers.h"
#include "base/text.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

namespace rowgate::api {
namespace {

using Json = nlohmann::ordered_json;

/// The rows of the table of codes that a slug or a code means.
std::vector<const CodeInfo*> rows_of(std::string_view name) {
  std::vector<const CodeInfo*> rows;
  for (const CodeInfo& row : all_codes())
    if (row.slug == name || row.text == name) rows.push_back(&row);
  return rows;
}

Json row_json(const CodeInfo& row) {
  return {{"code", row.text},
          {"title", row.title},
          {"status", row.http_status},
          {"severity", row.severity == Severity::Warning ? "warning" : "error"},
          {"kind", row.kind.empty() ? Json(nullptr) : Json(row.kind)},
          {"exit_code", row.exit_code},
          {"cause", row.cause},
          {"fix", row.fix},
          {"example", row.example}};
}

std::string as_json(std::string_view slug, const std::vector<const CodeInfo*>& rows) {
  Json codes = Json::array();
  for (const CodeInfo* row : rows) codes.push_back(row_json(*row));
  return Json{{"slug", slug}, {"codes", codes}}.dump(2) + "\n";
}

std::string as_text(std::string_view slug, const std::vector<const CodeInfo*>& rows) {
  std::string text = fmt::format("{} (HTTP {})\n", slug, rows.front()->http_status);
  for (const CodeInfo* row : rows)
    text += fmt::format("\n{}: {}\n  {}\n  {}\n  Example: {}\n", row->text, row->title, row->cause, row->fix,
                        row->example);
  return text;
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string as_html(std::string_view slug, const std::vector<const CodeInfo*>& rows) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>{0}</title>\n</head>\n<body>\n"
      "<h1>{0}</h1>\n<p>HTTP {1}</p>\n",
      slug, rows.front()->http_status);
  for (const CodeInfo* row : rows)
    html += fmt::format(
        "<h2><code>{}</code>: {}</h2>\n<p>{}</p>\n<p>{}</p>\n<p>Example: <code>{}</code></p>\n", row->text,
        escaped(row->title), escaped(row->cause), escaped(row->fix), escaped(row->example));
  return html + "</body>\n</html>\n";
}

}  // namespace

Result<http::Reply> show_problem(Call& call, Body) {
  const std::string& name = call.params.find("problem")->second;
  const std::vector<const CodeInfo*> rows = rows_of(name);
  if (rows.empty())
    return fail(Code::RequestNotFound, fmt::format("there is no problem \"{}\"", shown(name)),
                "all codes are described in docs/errors.md");
  const std::string_view slug = rows.front()->slug;
  const std::string_view form = best_form("text/html text/plain application/json",
                                          call.request.header("accept").value_or(std::string_view()));
  http::Response response = form == "application/json" ? json_response(200, as_json(slug, rows))
                            : form == "text/plain"     ? text_response(200, form, as_text(slug, rows))
                                                       : text_response(200, "text/html", as_html(slug, rows));
  response.set("Vary", "Accept");
  if (form != "application/json" && form != "text/plain")
    response.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'");
  return response;
}

}  // namespace rowgate::api
