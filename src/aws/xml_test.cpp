#include "aws/xml.hpp"

#include <gtest/gtest.h>

namespace aws {
namespace {

using Text = std::optional<std::string>;

constexpr std::string_view kAnswer = R"(<?xml version="1.0"?>
<!-- <Credentials><AccessKeyId>commented out</AccessKeyId></Credentials> -->
<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <AssumeRoleResult>
    <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/a/b</Arn></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>ASIA1</AccessKeyId>
      <SecretAccessKey>a/b+&lt;c&gt;&amp;&quot;&apos;&#x41;&#66;</SecretAccessKey>
      <SessionToken><![CDATA[x<y&amp;]]>z</SessionToken>
    </Credentials>
  </AssumeRoleResult>
</AssumeRoleResponse>)";

TEST(Xml, FindsAnElementInsideOfOthers) {
  EXPECT_EQ(xml_text(kAnswer, {"Credentials", "AccessKeyId"}), Text("ASIA1"));
  EXPECT_EQ(xml_text(kAnswer, {"Arn"}), Text("arn:aws:sts::1:assumed-role/a/b"));
  EXPECT_EQ(xml_text(kAnswer, {"AssumedRoleUser", "AccessKeyId"}), std::nullopt);
  EXPECT_EQ(xml_text(kAnswer, {"Expiration"}), std::nullopt);
}

TEST(Xml, UndoesEntitiesAndCdata) {
  EXPECT_EQ(xml_text(kAnswer, {"Credentials", "SecretAccessKey"}), Text("a/b+<c>&\"'AB"));
  EXPECT_EQ(xml_text(kAnswer, {"Credentials", "SessionToken"}), Text("x<y&amp;z"));
  EXPECT_EQ(xml_text("<a>&euro; & &#0; &#xD800; &#x20AC;&#128578;</a>", {"a"}),
            Text("&euro; & &#0; &#xD800; \xE2\x82\xAC\xF0\x9F\x99\x82"));
}

TEST(Xml, TakesTheFirstOfTheWholePathAndNoTextOfItsChildren) {
  EXPECT_EQ(xml_text("<r><b>1</b><a><c><b>2<d>x</d>3</b></c></a><b>4</b></r>", {"a", "b"}), Text("23"));
  EXPECT_EQ(xml_text("<a><a>in</a>out</a>", {"a"}), Text("out"));
  EXPECT_EQ(xml_text("<a><a>in</a>out</a>", {"a", "a"}), Text("in"));
}

TEST(Xml, TakesPrefixesAttributesAndEmptyElements) {
  EXPECT_EQ(xml_text("<s:a x='>' y=\"</s:a>\"><s:b/>t</s:a >", {"a"}), Text("t"));
  EXPECT_EQ(xml_text("<a><b/></a>", {"a", "b"}), Text(""));
}

TEST(Xml, ReadsNothingOutOfWhatIsCutOff) {
  for (std::size_t size = 0; size < kAnswer.size(); ++size) {
    const std::string cut(kAnswer.substr(0, size));
    const auto found = xml_text(cut, {"Credentials", "SessionToken"});
    EXPECT_TRUE(!found || *found == "x<y&amp;z") << size;
  }
  for (const auto* odd :
       {"", "<", "</", "<>", "</>", "<a", "<!", "<?", "<![CDATA[", "</a></a></a>", "<a>&", "<a b='"}) {
    EXPECT_EQ(xml_text(odd, {"a"}), std::nullopt) << odd;
  }
}

}  // namespace
}  // namespace aws
