#pragma once
// What a person reads on a web page, out of its HTML. Parsed by gumbo, as browsers parse; no script runs.
#include <string>
#include <string_view>
#include <vector>

namespace coaching {

struct PageLink {
  std::string text;
  std::string href;  // as written in the page
};

struct PageText {
  std::string title;
  std::string description;    // <meta name="description">, else og:description
  std::string site_name;      // og:site_name, else an Organization's name in JSON-LD
  std::string language;       // <html lang>
  std::string base_href;      // <base href>, "" when there is none
  std::vector<std::string> headings;
  std::string text;           // headings, paragraphs, list entries, table cells: a block a line
  std::vector<PageLink> links;
  bool cut = false;           // there was more than `most_bytes`, or the page was made to exhaust its reader
};

// `html` is UTF-8; what is not well-formed in it becomes U+FFFD. Scripts, styles, templates, comments, forms' controls,
// hidden elements and navigation are left out. `most_bytes` bounds the text, and with it headings and links. Any input.
PageText read_html(std::string_view html, std::size_t most_bytes);

// Bytes of `charset` ("", "utf-8", "iso-8859-1", "windows-1252", any case) as well-formed UTF-8. An unknown charset is
// taken for UTF-8, and what is no UTF-8 for windows-1252, as browsers take it.
std::string to_utf8(std::string_view bytes, std::string_view charset);

// The charset that a page names in its first kilobyte (<meta charset>, <meta http-equiv>); "" for none.
std::string charset_in(std::string_view html);

}  // namespace coaching
