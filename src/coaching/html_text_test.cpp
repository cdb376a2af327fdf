#include "coaching/html_text.hpp"

#include <gtest/gtest.h>

namespace coaching {
namespace {

constexpr std::size_t kMuch = 100'000;

TEST(HtmlText, ReadsWhatAPersonReads) {
  const auto page = read_html(R"(<!doctype html><html lang="en-GB"><head><title>  Crumb &amp;
      Crust </title><meta name="Description" content="Sourdough since 1987"><meta property="og:site_name" content="Crumb">
      <style>p{color:red}</style><script>steal("x")</script></head><body><nav><a href="/about">About us</a></nav>
      <h1>Bread that <em>takes</em> its time</h1><p>We bake for <b>two</b> villages.<br>Every morning.</p>
      <ul><li>Rye</li><li>Spelt</li></ul><p hidden>secret</p><div style="display:none">more</div><!-- note -->
      <p>Tom&nbsp;&nbsp;said: &lt;yes&gt;</p><a href="mailto:x@example.com">Write</a></body></html>)",
                              kMuch);
  EXPECT_EQ(page.title, "Crumb & Crust");
  EXPECT_EQ(page.description, "Sourdough since 1987");
  EXPECT_EQ(page.site_name, "Crumb");
  EXPECT_EQ(page.language, "en-GB");
  EXPECT_EQ(page.headings, std::vector<std::string>{"Bread that takes its time"});
  EXPECT_EQ(
      page.text,
      "Bread that takes its time\nWe bake for two villages.\nEvery morning.\nRye\nSpelt\nTom said: <yes>\nWrite\n");
  ASSERT_EQ(page.links.size(), 2U);
  EXPECT_EQ(page.links[0].text, "About us");
  EXPECT_EQ(page.links[0].href, "/about");
  EXPECT_FALSE(page.cut);
}

TEST(HtmlText, FindsTheFirmInJsonLd) {
  const auto page = read_html(R"(<script type="application/ld+json">{"@graph":[{"@type":"WebPage","name":"Home"},
      {"@type":"LocalBusiness","name":"Crumb Ltd"}]}</script><p>x)",
                              kMuch);
  EXPECT_EQ(page.site_name, "Crumb Ltd");
  EXPECT_EQ(read_html(R"(<script type="application/ld+json">{broken</script>)", kMuch).site_name, "");
}

TEST(HtmlText, IsBoundedAndSurvivesWhateverComes) {
  std::string deep;
  for (int i = 0; i < 20'000; ++i) deep += "<div>";
  EXPECT_TRUE(read_html(deep + "far down", kMuch).cut);
  std::string many;  // each <p> opens all unclosed <b> anew: 600 million elements
  for (int i = 0; i < 1'000; ++i) many += "<b id=" + std::to_string(i) + ">";
  for (int i = 0; i < 600'000; ++i) many += "<p>";
  EXPECT_TRUE(read_html(many, kMuch).cut);
  std::string words = "<p>";
  for (int i = 0; i < 5'000; ++i) words += "größer ";
  const auto page = read_html(words, 1'000);
  EXPECT_TRUE(page.cut);
  EXPECT_LE(page.text.size(), 1'000U);
  EXPECT_EQ(page.text.substr(0, 9),
            "größer"
            " ");
  for (const auto* odd : {"", "<", "<a", "<a href=", "&#x110000;", "\xff\xfe<p>x", "<p>\x01\x02</p>", "<script>"}) {
    EXPECT_NO_THROW(read_html(odd, kMuch)) << odd;
  }
  EXPECT_EQ(read_html("<p>a\xff z", kMuch).text, "a\xef\xbf\xbd z\n");
}

TEST(HtmlText, ReadsOldCharsets) {
  EXPECT_EQ(to_utf8("Z\xfcrich \x80 5", "ISO-8859-1"), "Zürich € 5");
  EXPECT_EQ(to_utf8("Z\xfcrich", ""), "Zürich");
  EXPECT_EQ(to_utf8("Zürich", ""), "Zürich");
  EXPECT_EQ(to_utf8("Z\xfcrich", "utf-8"), "Z\xef\xbf\xbdrich");
  EXPECT_EQ(charset_in("<head><META charset='Windows-1252'>"), "windows-1252");
  EXPECT_EQ(charset_in(R"(<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">)"), "iso-8859-1");
  EXPECT_EQ(charset_in("<p>no"), "");
}

}  // namespace
}  // namespace coaching
