#include "routing/language.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

namespace weir::routing {
namespace {

struct Sample {
  const char* language;
  const char* text;
};

// The first article of the Universal Declaration of Human Rights, and what people ask machines.
constexpr Sample kSamples[] = {
    {"en",
     "All human beings are born free and equal in dignity and rights. They are endowed with "
     "reason and conscience and should act towards one another in a spirit of brotherhood."},
    {"de",
     "Alle Menschen sind frei und gleich an Würde und Rechten geboren. Sie sind mit Vernunft "
     "und Gewissen begabt und sollen einander im Geiste der Brüderlichkeit begegnen."},
    {"fr",
     "Tous les êtres humains naissent libres et égaux en dignité et en droits. Ils sont doués "
     "de raison et de conscience et doivent agir les uns envers les autres dans un esprit de "
     "fraternité."},
    {"es",
     "Todos los seres humanos nacen libres e iguales en dignidad y derechos y, dotados como "
     "están de razón y conciencia, deben comportarse fraternalmente los unos con los otros."},
    {"pt",
     "Todos os seres humanos nascem livres e iguais em dignidade e em direitos. Dotados de "
     "razão e de consciência, devem agir uns para com os outros em espírito de fraternidade."},
    {"it",
     "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti. Essi sono dotati "
     "di ragione e di coscienza e devono agire gli uni verso gli altri in spirito di "
     "fratellanza."},
    {"nl",
     "Alle mensen worden vrij en gelijk in waardigheid en rechten geboren. Zij zijn begiftigd "
     "met verstand en geweten, en behoren zich jegens elkander in een geest van broederschap "
     "te gedragen."},
    {"sv",
     "Alla människor är födda fria och lika i värde och rättigheter. De har utrustats med "
     "förnuft och samvete och bör handla gentemot varandra i en anda av broderskap."},
    {"da",
     "Alle mennesker er født frie og lige i værdighed og rettigheder. De er udstyret med "
     "fornuft og samvittighed, og de bør handle mod hverandre i en broderskabets ånd. Hvad kan "
     "jeg gøre for at få noget ud af det?"},
    {"no",
     "Alle mennesker er født frie og med samme menneskeverd og menneskerettigheter. De er "
     "utstyrt med fornuft og samvittighet og bør handle mot hverandre i brorskapets ånd. Hva "
     "kan jeg gjøre for å få noe ut av det?"},
    {"fi",
     "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan. Heille on "
     "annettu järki ja omatunto, ja heidän on toimittava toisiaan kohtaan veljeyden hengessä."},
    {"pl",
     "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw. Są oni "
     "obdarzeni rozumem i sumieniem i powinni postępować wobec innych w duchu braterstwa."},
    {"cs",
     "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv. Jsou nadáni "
     "rozumem a svědomím a mají spolu jednat v duchu bratrství."},
    {"hu",
     "Minden emberi lény szabadon születik és egyenlő méltósága és joga van. Az emberek, "
     "ésszel és lelkiismerettel bírván, egymással szemben testvéri szellemben kell hogy "
     "viseltessenek."},
    {"ro",
     "Toate ființele umane se nasc libere și egale în demnitate și în drepturi. Ele sunt "
     "înzestrate cu rațiune și conștiință și trebuie să se comporte unele față de altele în "
     "spiritul fraternității."},
    {"tr",
     "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar. Akıl ve vicdana "
     "sahiptirler ve birbirlerine karşı kardeşlik zihniyeti ile hareket etmelidirler. Bu çok "
     "önemli bir şey değil mi?"},
    {"ru",
     "Все люди рождаются свободными и равными в своем достоинстве и правах. Они наделены "
     "разумом и совестью и должны поступать в отношении друг друга в духе братства."},
    {"uk",
     "Всі люди народжуються вільними і рівними у своїй гідності та правах. Вони наділені "
     "розумом і совістю і повинні діяти у відношенні один до одного в дусі братерства."},
    {"el", "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα."},
    {"he", "כל בני האדם נולדו בני חורין ושווים בערכם ובזכויותיהם."},
    {"ar", "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق."},
    {"ja", "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。"},
    {"zh", "人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。"},
    {"ko", "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다."},
    {"th", "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ"},
    {"en", "What is the capital of France?"},
    {"en", "Please write a short story about a dog."},
    {"de", "Was ist die Hauptstadt von Frankreich?"},
    {"de", "Schreibe mir bitte eine kurze Geschichte über einen Hund."},
    {"fr", "Quelle est la capitale de la France ?"},
    {"fr", "Écris une petite histoire sur un chien, s'il te plaît."},
    {"es", "¿Cuál es la capital de Francia?"},
    {"es", "Escribe una historia corta sobre un perro, por favor."},
    {"pt", "Escreva uma história curta sobre um cachorro para a minha filha."},
    {"it", "Qual è la capitale della Francia? Scrivi una storia breve su un cane."},
    {"nl", "Wat is de hoofdstad van Frankrijk?"},
    {"nl", "Schrijf een kort verhaal over een hond voor mijn dochter."},
    {"sv", "Vad är huvudstaden i Frankrike? Skriv en kort berättelse om en hund."},
    {"pl", "Jaka jest stolica Francji? Napisz mi krótką historię o psie."},
    {"ru", "Напиши короткий рассказ про собаку для моей дочери."},
    {"ja", "犬についての短い話を書いてください。"},
    {"zh", "请写一个关于狗的小故事。"},
};

TEST(Language, OfProseIsTold) {
  for (const Sample& sample : kSamples)
    EXPECT_EQ(LanguageOf(sample.text), sample.language) << sample.text;
}

TEST(Language, EachThatItTellsHasASample) {
  for (const std::string_view language : kLanguages) {
    const bool has = std::ranges::any_of(
        kSamples, [language](const Sample& sample) { return language == sample.language; });
    EXPECT_EQ(has, language != kUnknownLanguage) << language;
  }
}

TEST(Language, WhatSaysTooLittleIsUnknown) {
  for (const char* text : {"", " \n", "ok", "Hello", "Berlin", "42", "Claude Monet, Paris",
                           "3.14159 + 2.71828 =", "🦀🦀🦀", "x = [i for i in range(10)]",
                           "{\"a\": [1, 2, 3], \"b\": null}", "\xff\xfe\x80\x80 \xc3",
                           "aaaa bbbb cccc dddd eeee ffff gggg"}) {
    EXPECT_EQ(LanguageOf(text), kUnknownLanguage) << text;
  }
}

TEST(Language, OneThatItDoesNotKnowIsNotTakenForAnother) {
  for (const char* text :
       {// Swahili, Vietnamese, Persian, Hindi, Basque
        "Watu wote wamezaliwa huru, hadhi na haki zao ni sawa. Wote wamejaliwa akili na dhamiri.",
        "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền lợi.",
        "تمام افراد بشر آزاد به دنیا می‌آیند.",
        "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
        "Gizon-emakume guztiak aske jaiotzen dira, duintasun eta eskubide berberak dituztela."}) {
    EXPECT_EQ(LanguageOf(text), kUnknownLanguage) << text;
  }
}

TEST(Language, ForeignWordsDoNotChangeIt) {
  EXPECT_EQ(
      LanguageOf("Kannst du mir bitte erklären, was 'for (const auto& x : items)' in C++ macht "
                 "und wann man es nicht verwenden soll?"),
      "de");
  EXPECT_EQ(LanguageOf("TRANSLATE INTO GERMAN: what is the name of the company that you work for?"),
            "en");
}

TEST(Language, OfALongTextItsBeginningAndItsEndAreRead) {
  const std::string german = "Das ist ein Satz, der nicht so lang ist wie die anderen. ";
  std::string text;
  while (text.size() < kLanguageBytes) text += german;
  EXPECT_EQ(LanguageOf(text + std::string(10'000'000, 'x') + german), "de");
  // Cut within a code point at both borders.
  std::string umlauts;
  while (umlauts.size() < 3 * kLanguageBytes) umlauts += "über die Brücke und für die Bäume ";
  for (int shift = 0; shift < 4; ++shift) {
    EXPECT_EQ(LanguageOf(std::string(static_cast<size_t>(shift), ' ') + umlauts), "de");
  }
}

}  // namespace
}  // namespace weir::routing
