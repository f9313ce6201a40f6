#!/usr/bin/env python3
"""Makes the tables of search-node/shard/testdata/analysis: bodies of _analyze, and what a real OpenSearch or Elasticsearch answers.

    scripts/analysis-tables.py http://127.0.0.1:9200

Rows whose component the peer lacks come from Elasticsearch's public documentation and stand here with their tokens. Rows in which
ours differ on purpose have `ours` and a `reason` in the table, which are kept.
"""
import json
import pathlib
import sys
import urllib.error
import urllib.request

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "search-node/shard/testdata/analysis"
INDEX = "analysis-tables"

LOG = "192.168.0.1 - - [24/Nov/2026:10:00:00 +0000] \"GET /a_b/c.html?x=1,5 HTTP/1.1\" 200 1,234"
QUICK = "The 2 QUICK Brown-Foxes jumped over the lazy dog's bone."
TEXTS = [QUICK, LOG, "", "a", "  spaced   out\ttext\n", "user_name and e-mail", "it's O'Neil's wi-fi", "数据库 とカタカナ 한국어", "café ﬁ Ångström ½ ²", "สวัสดีครับ", "x" * 300, "😀 smile 👍🏽 🇩🇪"]

LANGUAGES = {
    "arabic": ["الكتاب في المكتبة", "والطلاب يدرسون اللغة العربية ١٢٣"],
    "armenian": ["արծիվը և արծիվներ"],
    "basque": ["zaldiak eta etxeak"],
    "catalan": ["L'Institut d'Estudis Catalans", "llengües llengua"],
    "danish": ["undersøgelse undersøg og husene", "bilerne kørte hurtigt"],
    "dutch": ["fietsen kinderen lichamelijk de boeken", "opheffing van de belemmeringen"],
    "english": ["The dogs' owner's running quickly organization organizations", "relational conditional flies dying happily", "generalization's CATS ponies caresses", "It's not what they're saying"],
    "estonian": ["kassid jooksevad ja majades", "õpetajale raamatutest üle linna"],
    "finnish": ["edeltäjiinsä edeltäjistään ja talossa", "kissat juoksevat nopeasti"],
    "french": ["Les oiseaux l'avion chevaux jouaient", "majestueusement continuellement l'éducation des enfants", "habitants nationales chanteuses directrice création", "qu'aujourd'hui c'était première finissaient"],
    "german": ["Die Häuser und Bäume Fussballspielerinnen", "Schaltflächen Straße größer schönsten", "Buecher laufen gelaufen Kindern", "weiß heißt Tür Tueren"],
    "greek": ["Μία ελληνική λέξη στον ουρανό"],
    "hungarian": ["babakocsi babakocsijáért és házak", "gyerekeknek könyveket"],
    "irish": ["siopadóireacht síceapatacha na hÉireann"],
    "italian": ["l'Italia dell'amico abbandonata le città", "nazionali ragazze bambini scuole", "un'amica propaganda parole"],
    "lithuanian": ["vaikas vaikai ir namuose"],
    "norwegian": ["havnedistrikt havnedistrikter og husene", "guttene leker"],
    "persian": ["کتاب‌ها خوب است", "برادر و خواهر"],
    "portuguese": ["quilométricas quilométricos e as canções", "meninas cidades rapidamente animais", "nações professora inglesa"],
    "romanian": ["absenţa absenţi și copiii", "frumoasă fetele"],
    "russian": ["вместе с тем о силе электромагнитной", "книги читают быстро"],
    "spanish": ["chicana chicano las canciones de los niños", "rápidamente ciudades veces intereses", "habitantes españoles corazones"],
    "swedish": ["jaktkarlarne jaktkarlens och husen", "flickorna springer snabbt"],
    "turkish": ["ağacı ağaç Türkiye'nin İstanbul ve IŞIK"],
    "bengali": ["বাংলা ভাষায় মানুষদের ইতিহাস এবং সংস্কৃতি", "১২৩ কক্ষ বিদ্যালয়ের"],
    "brazilian": ["Organizações brasileiras que cantaríamos felizmente", "o governo, a política e as famílias"],
    "bulgarian": ["компютрите на българите и гърците", "строители книгата"],
    "czech": ["Pokud mluvíme o volném software", "matčin českého učiteli"],
    "hindi": ["हिन्दी किताबें और लड़कियों के विद्यालय", "सड़क १२३ अँधेरा"],
    "indonesian": ["peledakan dibukukannya dan gigi", "mempermainkan pelajaran bukuku"],
    "latvian": ["tirgiem tirgus un pilsētās", "kaķu vārdnīcas"],
    "sorani": ["پیاوێک و کوردستاندا", "كتێبەكانی پیاوە"],
    "chinese": ["the 中国 cats"],
    "snowball": ["The dogs' owner's running quickly"],
    "cjk": ["一二三 test ｆｕｌｌ", "こんにちは世界", "한국어 텍스트", "ｶﾞｷﾞ the 日本", "多くの学生が試験に落ちた。", "中"],
}

ENGLISH = "The quick brown foxes"


STOP_WORDS = pathlib.Path(__file__).resolve().parent.parent / "search-node/shard/src/analysis/stop_words"
STEMMERS = ["arabic", "armenian", "basque", "catalan", "danish", "dutch", "finnish", "greek", "hungarian", "irish", "lithuanian", "norwegian", "romanian", "russian", "swedish", "turkish", "light_french", "light_german", "light_italian", "light_portuguese", "light_spanish", "french", "german", "italian", "portuguese", "spanish",
    "bengali", "brazilian", "bulgarian", "czech", "hindi", "indonesian", "latvian", "persian", "sorani", "light_finnish", "light_hungarian", "light_norwegian", "light_nynorsk", "light_russian", "light_swedish", "minimal_french", "minimal_german", "minimal_norwegian", "minimal_nynorsk", "minimal_portuguese"]


LONG_WORDS = {
    "bulgarian": "компютрите компютърът строителите строителят книгите книгата градове градовете овчари героеве братята вестници вестникът козлози белези реки езици учебникът голямото голямата големият жителите студентите ученици човекът юнаци играещия момчетата",
    "czech": "předsedech mladý mladého městem městům učitelé matčin otcův pánové panovi stavení kostech muži žen mužích kuřatech jehňatům stavěti silnice zelenina českým českou lidmi růže důvod knížata",
    "indonesian": "membukukan dibukukannya mengajarkan pengajaran menyapu penyapu menulis penulisan memakan pemakan dibaca terbaca kekasih berlari belajar pekerja pelajar bekerja perjalanan bukukulah rumahnya menjadikan kemenangan",
    "latvian": "tirgiem tirgus pilsētās grāmatām kaķu kaķiem brāļu zaļajām zaļajos skaistākajiem ābeļu ezeru akmeņiem lāču mātes dzīvībai",
    "light_finnish": "taloissamme kirjastossa kirjastosta puhelimella tietokoneeseen taloudellinen tieteellisesti nopeastikin kauppojen lasten hevosten huoneen matkalla kirkkoon opettajien punaisena sairaudet rikkaus",
    "light_hungarian": "házaknak gyerekekkel könyvekben városokból barátaimmal asztalhoz kertemért autójuk szobánk kezeitek madarak fákat vízzel emberként tanítótól kutyáim",
    "light_norwegian": "bilens guttenes hemmeligheter virksomheten kristendom hemmelighet følelsen fineste husene jentene barneskolen billigst løpende skolen dyret kake",
    "light_nynorsk": "hemmelegheita hemmelegheiter tryggleiken verksemd gutane bilar finaste sovande ungdom husa jentene skulen",
    "light_russian": "книгами станциями людей красивого последнему сильный столами учителя зелёной программирования информационный московские городов днями",
    "light_swedish": "jaktkarlarnes frihetens flickorna skolelser bilarnas vackraste springande husen stort barnens händelserna stolar klockor",
    "minimal_french": "chevaux chiens chanterons aimer aimées bateaux rouge tables maisons donnée noix travaillé",
    "minimal_german": "Häuser Lehrerinnen Freundinnen Kinder Autos Tische Frauen Hunde Gläses alte",
    "minimal_norwegian": "bilens guttene husene kaker jenta skolen dyret",
    "minimal_nynorsk": "bilane gutar jentene kaker husa skulen",
    "minimal_portuguese": "bons balões capitães normais papéis amáveis lençóis barris males mares casas lápis mães árvores depois",
    "light_french": "applaudissement finissant amicalement progressivement modificatrice modificateur applicatrice éducateur provocatrice créatrice directrice amateur actrice troisième menteuse chanteur joyeuse cavalière première active décorative folle molle traditionnelle professionnel complète magnifique politesse jardinage immatriculation nationalisation actualisation organisateur éducation condition chevaux travaux manteaux cheveux nationaux bijoux aller parler mangée année aimée monsieur vie pharmacie famille personnelle ville beauté hôtel françaises garçons théâtre où zoo",
    "light_german": "Kindern Häusern Lehrern schönes großem alter Bäume Autos Hunds kleinste schönsten gutes Frauen gehst arbeitest liebste Tages Jahren Zeitung Freundinnen müde süßes Straßen",
    "light_italian": "amiche amici funghi laghi banche negozi bellezza famiglie stazioni università perché ragazzi macchine studio orologio spiagge camicie libri",
    "light_portuguese": "casas mulheres papéis animais lençóis fáceis canis corações alemães felizmente meninas professora inglesa bonita rapazinha brasileira gostosa política comida amada nativa programa leona pequena homens jovens luzes vezes irmãs café maçãs",
    "light_spanish": "intereses veces luces casas libros grandes flores ciudades camiones canción jóvenes niños españoles árboles cafés tesis lunes reloj aviones inglés",
    "minimal_english": "skies ties boxes buses glass gas eyes aes oes ees queries movies lies",
    "porter2": "generously communication skies dying news happily knightly arsenal succeeding innings",
    "english": "vietnamization predication triplicate formative electriciti hopefulness goodness revival allowance inference airliner adjustable irritant replacement adjustment dependent adoption homologou communism activate angulariti effective bowdlerize",
}


def stems():
    for language in ["finnish", "hungarian", "russian", "swedish"]:
        yield chain("taloissamme házaknak книгами flickorna", {"type": "stemmer", "language": f"light_{language}"})
    for text in ["Freundinnen Häuser gegegeben Matrizen Straße Missstand gehend schönerem Schach Lehrerinnen", "x ß ss 2fach Uhr"]:
        yield chain(text, "german_stem")
    yield chain("quilométricas movimentos ambulâncias cantássemos partiríeis seguinte ciências felizmente Ção casa! l'avion", "brazilian_stem")
    yield chain("mladého městům pánové", "czech_stem")
    yield chain("کتابهاي دوستان بزرگترين", "persian_stem")
    for language, text in [("Serbian", "сточарство kućama"), ("Nepali", "किताबहरूको"), ("Hindi", "लड़कियों किताबें"), ("Indonesian", "mengajarkan"), ("Greek", "ελληνικη λεξεων")]:
        yield chain(text, {"type": "snowball", "language": language})
    for language, text in [("serbian", "сточарство kućama"), ("nepali", "किताबहरूको")]:
        yield chain(text, {"type": "stemmer", "language": language})
    for name, text in LONG_WORDS.items():
        yield chain(text, "lowercase", {"type": "stemmer", "language": name})
    """The common words of a language through its stemmer, forty at a time."""
    for name in STEMMERS:
        language = name.removeprefix("light_").removeprefix("minimal_").replace("nynorsk", "norwegian")
        lines = (STOP_WORDS / f"{language}.txt").read_text().splitlines()
        found = [line for line in lines if line and not line.startswith("#") and " " not in line]
        for at in range(0, len(found), 40):
            yield chain(" ".join(found[at:at + 40]), {"type": "stemmer", "language": name})


def component(place, texts, **parameters):
    """Rows of one component alone, in front of or behind what does nothing."""
    for text in texts:
        if place == "tokenizer":
            yield {"tokenizer": parameters, "text": text}
        elif place == "char_filter":
            yield {"tokenizer": "keyword", "char_filter": [parameters], "text": text}
        else:
            yield {"tokenizer": parameters.pop("tokenizer_", "whitespace"), "filter": [parameters], "text": text}


def chain(text, *filters, tokenizer="whitespace"):
    return {"tokenizer": tokenizer, "filter": list(filters), "text": text}


def analyzers():
    for name in ["standard", "simple", "whitespace", "stop", "keyword", "pattern", "fingerprint"]:
        for text in TEXTS:
            yield {"analyzer": name, "text": text}
    yield {"analyzer": "standard", "text": ["several texts", "one after the other", "größer 😀 end"]}
    yield {"analyzer": "simple", "text": ["a b", "c"]}


def languages():
    for name, texts in LANGUAGES.items():
        for text in texts:
            yield {"analyzer": name, "text": text}


# The parameters that every analyzer of a language takes.
STEM_EXCLUSIONS = {"english": "running jumps", "french": "chevaux jouaient", "german": "häuser laufen", "russian": "книги читают"}


def defined():
    """Analyzers with parameters, each as an index defines it."""
    def rows(texts, **parameters):
        for text in texts:
            yield {"analyzer": parameters, "text": text}

    yield from rows([QUICK, LOG], type="standard", max_token_length=5)
    yield from rows([QUICK], type="standard", stopwords=["the", "over"])
    yield from rows([QUICK], type="standard", stopwords="_english_")
    yield from rows([QUICK], type="standard", stopwords="_none_")
    yield from rows([QUICK], type="stop", stopwords=["quick", "bone"])
    yield from rows([QUICK], type="stop", stopwords="_none_")
    yield from rows(["John_Smith@foo-bar.com", QUICK], type="pattern", pattern="\\W|_")
    yield from rows(["aXbxC"], type="pattern", pattern="x", flags="CASE_INSENSITIVE", lowercase=False)
    yield from rows([QUICK], type="pattern", stopwords="_english_")
    yield from rows(["Yes yes, Gödel said this sentence is consistent and."], type="fingerprint", stopwords="_english_")
    yield from rows([QUICK], type="fingerprint", separator="+")
    yield from rows([QUICK, "a b"], type="fingerprint", max_output_size=10)
    yield from rows(["der Hund und die Katzen"], type="snowball", language="German2")
    yield from rows(["jumping over"], type="snowball", language="Porter", stopwords=["over"])
    yield from rows(["one", "Several texts"], type="custom", tokenizer="whitespace", filter=["lowercase", "stop"], char_filter=["html_strip"])
    for name, texts in LANGUAGES.items():
        yield from rows(texts[:1], type=name, stopwords="_none_")
        if name not in ["cjk", "chinese", "snowball"]:
            # Words of the text itself are kept from the stemmer.
            yield from rows(texts[:1], type=name, stem_exclusion=texts[0].lower().split())
    for name, text in STEM_EXCLUSIONS.items():
        yield from rows([text], type=name, stem_exclusion=text.split()[:1])
    # The gap between texts is the analyzer's.
    for gap in [0, 1, 7]:
        yield {"analyzer": {"type": "custom", "tokenizer": "standard", "position_increment_gap": gap}, "text": ["a b", "c", "d e"]}
        yield {"analyzer": {"type": "standard", "position_increment_gap": gap}, "text": ["a b", "", "c"]}


def explained():
    """What each step makes of a text."""
    for body in [
        {"analyzer": "standard", "text": QUICK},
        {"tokenizer": "standard", "filter": ["lowercase", "stop"], "text": QUICK},
        {"tokenizer": "whitespace", "filter": [{"type": "keyword_marker", "keywords": ["foxes"]}, "porter_stem"], "text": "foxes jumping"},
        {"tokenizer": "keyword", "char_filter": ["html_strip"], "filter": ["lowercase"], "text": ["<b>A</b>", "é<i>B"]},
        {"tokenizer": "whitespace", "filter": [{"type": "synonym_graph", "synonyms": ["tv, television set"]}], "text": "tv on", "attributes": ["positionLength"]},
        {"tokenizer": "standard", "filter": ["snowball"], "text": "detail output", "attributes": ["keyword"]},
        {"analyzer": "keyword", "text": "größer 😀", "attributes": ["bytes", "termFrequency"]},
        {"tokenizer": "whitespace", "filter": [{"type": "shingle", "filler_token": "*"}], "text": "a b"},
        {"analyzer": {"type": "custom", "tokenizer": "whitespace", "filter": ["reverse"]}, "text": "a bc"},
    ]:
        yield {**body, "explain": True}


def char_filters():
    html = ["<p>I&apos;m so <b>happy</b>!</p>", "a<br/>b<i>c</i>d", "x &lt; y &amp;&amp; z &#8364; &#x41; &eacute;t&eacute;", "<script>var a = '<b>';</script>after", "no <!-- a comment --> markup", "a < b > c", "<a href=\"x>y\">link</a> end", "<style>p {}</style>x", "unclosed <b", "AT&T &nosuch; &"]
    yield from component("char_filter", html, type="html_strip")
    yield from component("char_filter", ["<p>a <b>b</b></p>"], type="html_strip", escaped_tags=["b"])
    yield {"tokenizer": "standard", "char_filter": ["html_strip"], "text": "<h1>Head</h1><p>The <em>quick</em> fox</p>"}
    yield {"tokenizer": "standard", "char_filter": ["html_strip"], "text": "caf&eacute; au&nbsp;lait"}
    digits = ["٠ => 0", "١ => 1", "٢ => 2", "٣ => 3", "٤ => 4", "٥ => 5"]
    yield from component("char_filter", ["My license plate is ٢٥٠١٥"], type="mapping", mappings=digits)
    for text in ["I'm delighted about it :( :)", ":):(", "none"]:
        yield {"tokenizer": "standard", "char_filter": [{"type": "mapping", "mappings": [":) => _happy_", ":( => _sad_"]}], "text": text}
    yield {"tokenizer": "whitespace", "char_filter": [{"type": "mapping", "mappings": ["ph => f", "qu => q", "\\u0020 => -"]}], "text": "phone quality phph"}
    yield {"tokenizer": "whitespace", "char_filter": [{"type": "mapping", "mappings": ["ß => ss", "a => aaa", "xyz =>"]}], "text": "Straße abc xyzxyz end"}
    card = {"type": "pattern_replace", "pattern": "(\\d+)-(?=\\d)", "replacement": "$1_"}
    yield {"tokenizer": "standard", "char_filter": [card], "text": "My credit card is 123-456-789"}
    camel = {"type": "pattern_replace", "pattern": "(?<=\\p{Lower})(?=\\p{Upper})", "replacement": " "}
    yield {"tokenizer": "standard", "char_filter": [camel], "filter": ["lowercase"], "text": "The fooBarBaz method"}
    for pattern, replacement, text in [("a+", "", "baab aac"), ("o", "00", "foo bor"), ("(a)(b)", "$2$1", "ab xab"), ("[^a-z]", "_", "a1b2 é")]:
        yield {"tokenizer": "whitespace", "char_filter": [{"type": "pattern_replace", "pattern": pattern, "replacement": replacement}], "text": text}
    yield {"tokenizer": "whitespace", "char_filter": [{"type": "pattern_replace", "pattern": "A", "replacement": "_", "flags": "CASE_INSENSITIVE"}], "text": "aAb xa"}
    yield {"tokenizer": "whitespace", "char_filter": ["html_strip", {"type": "mapping", "mappings": ["& => and"]}], "text": "<b>x</b> &amp; y &amp; z"}


def tokenizers():
    for name in ["standard", "whitespace", "letter", "lowercase", "keyword", "classic", "uax_url_email", "path_hierarchy", "pattern", "ngram", "edge_ngram"]:
        for text in [QUICK, "a1 b_2 C-3 é", "", "user_name x.y.z 3.14 1,000"]:
            yield {"tokenizer": name, "text": text}
    for longest in [1, 3, 5]:
        for name in ["standard", "whitespace", "classic"]:
            yield {"tokenizer": {"type": name, "max_token_length": longest}, "text": "jumped over it 12345"}
    yield from component("tokenizer", ["Quick Fox", "2 Quick Foxes."], type="ngram", min_gram=3, max_gram=3, token_chars=["letter", "digit"])
    yield from component("tokenizer", ["a-b_c d"], type="ngram", min_gram=1, max_gram=3)
    yield from component("tokenizer", ["+a-b+"], type="ngram", min_gram=2, max_gram=2, token_chars=["letter", "custom"], custom_token_chars="+-")
    yield from component("tokenizer", ["2 Quick Foxes.", "ab"], type="edge_ngram", min_gram=2, max_gram=10, token_chars=["letter", "digit"])
    yield from component("tokenizer", ["Quick Fox"], type="edge_ngram", min_gram=1, max_gram=4)
    yield from component("tokenizer", ["The foo_bar_size's default is 5.", ""], type="pattern")
    yield from component("tokenizer", ["comma,separated,values", ",a,,b,"], type="pattern", pattern=",")
    yield from component("tokenizer", ["\"value\", \"value with embedded \\\" quote\""], type="pattern", pattern="\"((?:\\\\\"|[^\"]|\\\\\")+)\"", group=1)
    yield from component("tokenizer", ["aXbxc"], type="pattern", pattern="x", flags="CASE_INSENSITIVE")
    yield from component("tokenizer", ["fd-786-335-514-x"], type="simple_pattern", pattern="[0123456789]{3}")
    yield from component("tokenizer", ["an_underscored_phrase", "__a__"], type="simple_pattern_split", pattern="_")
    yield from component("tokenizer", ["/one/two/three", "one/two/", "//a", "/"], type="path_hierarchy")
    yield from component("tokenizer", ["one-two-three-four-five"], type="path_hierarchy", delimiter="-", replacement="/", skip=2)
    yield from component("tokenizer", ["/usr/local/bin", "www.example.com"], type="path_hierarchy", reverse=True)
    yield from component("tokenizer", ["www.example.com", "a.b.c.d"], type="path_hierarchy", delimiter=".", reverse=True)
    yield from component("tokenizer", ["one-two-three-four-five"], type="path_hierarchy", delimiter="-", replacement="/", skip=2, reverse=True)
    yield from component("tokenizer", ["one/two/three/four"], type="path_hierarchy", skip=1)
    yield from component("tokenizer", ["The QUICK brown-fox", "--a--b"], type="char_group", tokenize_on_chars=["whitespace", "-", "\\n"])
    yield from component("tokenizer", ["a1b,c$d e.f"], type="char_group", tokenize_on_chars=["digit", "punctuation"])
    yield from component("tokenizer", ["a$b+c d"], type="char_group", tokenize_on_chars=["symbol"])
    yield from component("tokenizer", ["abcdef gh"], type="char_group", tokenize_on_chars=["whitespace"], max_token_length=4)
    for text in ["Email me at john.smith@global-international.com", "see http://www.example.com/a/b?c=d#e and ftp://x.org/", "visit www.example.com, or example.org/path today", "plain words 1.5"]:
        yield {"tokenizer": "uax_url_email", "text": text}
    yield from component("tokenizer", ["plain words and john.smith@example.com"], type="uax_url_email", max_token_length=5)
    yield from component("tokenizer", ["a+b-c d"], type="edge_ngram", min_gram=1, max_gram=3, token_chars=["letter", "custom"], custom_token_chars="+-")
    for text in ADDRESSES:
        yield {"tokenizer": "uax_url_email", "text": text}
        yield {"tokenizer": "classic", "text": text}
    yield {"tokenizer": "standard", "filter": ["classic"], "text": "it's I.B.M. x.y"}
    yield {"tokenizer": "simple_pattern_split", "text": "nothing to split at"}
    for text in ["I.B.M. AT&T O'Reilly's c++ user@example.com", "www.example.com XL-5000 3.14 a_b wi-fi", "日本語 text"]:
        yield {"tokenizer": "classic", "text": text}
        yield {"tokenizer": "classic", "filter": ["classic"], "text": text}
    for text in ["カタカナ ひらがな 漢字 한국어", "ภาษาไทย ไทย", "ລາວ ខ្មែរ မြန်မာ", "१२३ ٣٤٥ １２", "a.b,c 1.2,3 x:y _a_ __", "naïve Ελλάδα привет", "🇫🇷🇩🇪 👨‍👩‍👧 ☃ 1️⃣", "don’t ’tis l’eau", "a\u200db x\u0301y"]:
        yield {"tokenizer": "standard", "text": text}
        yield {"tokenizer": "letter", "text": text}


NORMALIZED = {
    "indic_normalization": ["अाॅअाे ऑऒ आै क़ज़ ਅਾ ੲਿ ઍ ଅା ஔ ఒౌ ಕೋ ണ്\u200d plain", "ত্\u200d ড় য় ৰ"],
    "hindi_normalization": ["अँधेरी अंधेरी क़िताब किताब अन्धा रात्री आजमाइश कॅ ऍ ऐ औ ॠ", "क\u200d्\u200c"],
    "bengali_normalization": ["চাঁদ নীল দূর ক্ষি পক্ষি রঙ ব্যাং বিদ্যা স্বর বিশ্ব উদ্বেগ সম্ব্বল দুঃখ বাঃ অতঃ শেষ হরিণ পড়া হঠাৎ"],
    "serbian_normalization": ["ђавола đakom љубав њива џеп čaša ćup žaba шљива Београд"],
    "sorani_normalization": ["كوردستاني پێيە ره هه\u200cر ڒاست رۆژ ةح ھات كـــورد ئِ \u200ex\u200f"],
}

# What only a tokenizer of Lucene takes for words, addresses or neither.
ADDRESSES = [
    "http://localhost:8080/path?q=1&x=[2]#frag", "https://[2001:db8::1]:443/a/b", "ftp://user:pass@host.example.com/file.txt", "see https://example.com/a_(b) and (http://x.org/y).",
    "www.example.com:8080/index.html?a=b;c=d", "example.co.uk", "foo.museum bar.zzzz test.xyz example.technology", "192.168.1.1:8080/path", "http://192.168.1.1/", "2001:db8::1",
    "mailto:john@example.com", "john.smith+tag@sub.example.co.uk, \"quoted\"@example.org", "user@localhost user@10.0.0.1 user@[10.0.0.1]", "a@b", "HTTP://EXAMPLE.COM/Path", "file:///etc/passwd",
    "http://пример.рф/путь", "example.com.", "foo.com. Then end.Next", "http://example.com/%20a%zz", "url:http://x.com;y=http://z.com", "foo@bar.com,baz@qux.org;a.b@c.de", "git@github.com:user/repo.git",
    "-foo.com foo-.com _foo.com foo.com-bar foo.com_x", "javascript.info node.js asp.net main.rs a.py", "http://user@example.com/", "foo..bar@x.com a.b.c..d", "v1.2.3 1,234.56 12:30 10.0.0.0/8",
    "日本語http://example.com日本", "x.com/a.b.c! x.com? x.com,", "https://example.com/a'b\"c", "http://under_score.example.com/", "foo.bar@baz-qux.example.com.", "user.name@domain user@foo.comx", "GET /index.html HTTP/1.1 from host-1.example.net",
    "AT&T's phone I.B.M. U.S.A. co-op O'Neil's don't", "e.g. i.e. a.m. Ph.D. J.R.R. Tolkien", "XL-5000 abc-123-def 1-800-555 A1-B2_C3 2,000,000 x/1/y 1.2.3.4.5/x", "Excite@Home R&D Q&A a&b&c", "O'Reilly's l'avion 'quoted' rock'n'roll it's'", "foo_bar foo.bar foo-bar foo/bar foo,bar",
    "wi-fi x86_64 3.5mm 2024-01-02T10:11:12Z", "10.0.0.1, 10.0.0.2; fe80::1%eth0", "naïve.org/ü naïve@example.com", "-----=====a@b.com \"a b c\"@x.com \"x", "c:\\windows\\x.exe",
    "words " * 50 + "http://example.com/" + "a" * 300 + " end",
]


def letters():
    f = lambda *texts, **p: component("filter", texts, **p)
    yield from f("THE Quick FoX JUMPs ÄÖÜ İI", "ΑΣ ΟΔΟΣ", type="lowercase")
    yield from f("ΆΈΉ ΟΔΟΣ ός", type="lowercase", language="greek")
    yield from f("nAthair tUisce hARD", type="lowercase", language="irish")
    yield from f("I İ ISPARTA İZMİR", type="lowercase", language="turkish")
    yield from f("the Quick ß ﬁ é", type="uppercase")
    yield from f("açaí à la carte Ærø ﬁn œuvre ½ ⓐ Ａ “q” ñ", "plain", type="asciifolding")
    yield from f("açaí plain", type="asciifolding", preserve_original=True)
    yield from f("ｼｰｻｲﾄﾞﾗｲﾅｰ ＡＢＣ！ ｶﾞﾊﾟ ｳﾞ ﾜﾞ", type="cjk_width")
    yield from f("१-one ٢two ③ ４", type="decimal_digit")
    yield {"tokenizer": "keyword", "filter": ["trim"], "text": "  fox \t"}
    yield from f("quick fox äöü", type="reverse")
    yield from f("Istanbul'a veya Istanbul’dan 'x", type="apostrophe")
    yield from f("أحمد إلى آخر مدرسة كتـــاب مُحَمَّد موسى", type="arabic_normalization")
    yield from f("weiß Mueller Quelle Buecher Äpfel öl ueber neue", type="german_normalization")
    yield from f("کتاب ﻳﻪ هٔ", type="persian_normalization")
    yield from f("blåbærsyltetøj räksmörgås aa ae oe ao oo Aa", type="scandinavian_normalization")
    yield from f("blåbærsyltetøj räksmörgås aa ae oe ao oo", type="scandinavian_folding")
    for name, texts in NORMALIZED.items():
        for text in texts:
            yield chain(text, name)
    yield from f("j'examine près du wharf l'avion L’Eau d'", type="elision", articles_case=True, articles=["l", "m", "t", "qu", "n", "s", "j", "d"])
    yield from f("L'avion l'eau", type="elision", articles=["l"])
    yield from f("foxes jump foxdog", type="pattern_replace", pattern="(dog|fox)", replacement="watch$1")
    yield from f("foo-bar-baz", type="pattern_replace", pattern="-", replacement="", all=False)
    yield from f("abc123def456", "none", type="pattern_capture", patterns=["(\\d+)"])
    yield from f("abc123def456", type="pattern_capture", preserve_original=False, patterns=["([a-z]+)", "(\\d+)"])
    yield from f("aXbxc", type="pattern_replace", pattern="x", replacement="_", flags="CASE_INSENSITIVE")
    yield from f("the|0 brown|10 fox|5 |3 plain", type="delimited_payload", encoding="int")
    yield from f("the|0.5 a|x|y", type="delimited_payload", encoding="identity")
    yield from f("the#1.5 a|x", "the a#2", type="delimited_payload", delimiter="#")
    yield from f("john-smith_123@foo-bar.com", type="pattern_capture", patterns=["([^@]+)", "(\\p{L}+)", "(\\d+)", "@(.+)"])


# Filters by their names alone.
BARE = ["apostrophe", "arabic_normalization", "asciifolding", "cjk_bigram", "cjk_width", "classic", "common_grams", "decimal_digit", "delimited_payload", "edge_ngram", "elision", "fingerprint", "german_normalization", "length", "limit", "lowercase", "ngram", "persian_normalization", "reverse", "scandinavian_folding", "scandinavian_normalization", "shingle", "snowball", "stemmer", "stop", "trim", "truncate", "type_as_payload", "unique", "uppercase", "word_delimiter", "word_delimiter_graph", "remove_duplicates", "flatten_graph"]


def words():
    for name in BARE:
        # In an index, where a name alone is what comes with the product.
        yield {"analyzer": {"type": "custom", "tokenizer": "standard", "filter": [name]}, "text": "the Foo's quick-brown 12 Foxes' l'avion über jumping the"}
    f = lambda *texts, **p: component("filter", texts, **p)
    yield from f("a quick fox jumps over the lazy dog", type="stop")
    yield from f("The a THE over", type="stop", ignore_case=True, stopwords=["the", "over"])
    yield from f("und der Hund", type="stop", stopwords="_german_")
    yield from f("le chat et la souris", type="stop", stopwords="_french_")
    yield from f("nothing goes the", type="stop", stopwords="_none_")
    yield from f("one Fox two fox", type="keep", keep_words=["one", "fox"])
    yield from f("one Fox TWO fox", type="keep", keep_words=["One", "fox", "two"], keep_words_case=True)
    yield from component("filter", ["1 quick fox 2.5 東京"], tokenizer_="standard", type="keep_types", types=["<NUM>"])
    yield from component("filter", ["1 quick fox 2.5 東京"], tokenizer_="standard", type="keep_types", types=["<NUM>", "<IDEOGRAPHIC>"], mode="exclude")
    yield from f("the quick brown fox jumps over the lazy dog", type="length", min=0, max=4)
    yield from f("a bb ccc dddd", type="length", min=2, max=3)
    yield from f("the quinquennial äöüäöü", type="truncate", length=3)
    yield from f("quick fox jumps over lazy dog", type="limit", max_token_count=2)
    yield from f("quick fox", type="limit")
    yield from f("the quick fox jumps the lazy fox", type="unique")
    for name, text in [("arabic_stem", "الكتاب والمدارس يدرسون"), ("russian_stem", "важнейшими книгами читают"), ("french_stem", "continuellement majestueuses chevaux"), ("dutch_stem", "lichamelijkheden boeken fietsen")]:
        yield chain(text, name)
    for language, text in [("german2", "Buecher schönsten Mueller"), ("estonian", "raamatutega inimesed"), ("tamil", "புத்தகங்கள் நாய்கள்")]:
        yield chain(text, {"type": "stemmer", "language": language})
    for text in ["the foxes jumping quickly", "organization relational happily"]:
        for name in ["porter_stem", "keyword_repeat"]:
            yield chain(text, name)
        yield chain(text, "keyword_repeat", "porter_stem")
        yield chain(text, "keyword_repeat", "porter_stem", "remove_duplicates")
        yield chain(text, "keyword_repeat", "porter_stem", {"type": "unique", "only_on_same_position": True})
        for language in ["english", "porter2", "lovins", "minimal_english", "possessive_english"]:
            yield chain(text, {"type": "stemmer", "language": language})
    for text in ["ponies houses boss bus ties movies shoes trees ideas aeries", "dogs' john's Anna’s JOHN'S s"]:
        for language in ["minimal_english", "possessive_english"]:
            yield chain(text, {"type": "stemmer", "language": language})
    for language, text in [("Danish", "undersøgelser husene"), ("Dutch", "lichamelijkheden boeken"), ("English", "jumping foxes generously"), ("Finnish", "edeltäjistään taloissa"), ("French", "continuellement majestueuses"), ("German", "aufeinanderfolgenden katzen"), ("Hungarian", "babakocsijáért házakat"), ("Italian", "pronunciamento abbandonate"), ("Norwegian", "havnedistriktene"), ("Porter", "jumping foxes"), ("Portuguese", "quilométricas boníssima"), ("Romanian", "abruptul copiilor"), ("Russian", "важнейшими книгами"), ("Spanish", "chicharrones torneados"), ("Swedish", "jaktkarlarnes"), ("Turkish", "kalemlerimiz"), ("Lovins", "nationally sitting"), ("Armenian", "արծիվներ"), ("Basque", "zaldiak"), ("Catalan", "llengües"), ("Lithuanian", "vaikams"), ("Arabic", "والكتاب المدارس"), ("Estonian", "raamatutega")]:
        yield chain(text, {"type": "snowball", "language": language}, tokenizer="standard")
    for language, text in [("light_french", "les chevaux majestueusement"), ("light_german", "häuser gelaufen schönsten"), ("light_italian", "ragazze nazionali"), ("light_portuguese", "canções meninas"), ("light_spanish", "canciones niños veces"), ("arabic", "الكتاب والمدارس")]:
        yield chain(text, {"type": "stemmer", "language": language})
    yield chain("fox running and jumping", {"type": "keyword_marker", "keywords": ["jumping"]}, {"type": "stemmer"})
    yield chain("Running jumping", {"type": "keyword_marker", "keywords": ["running"], "ignore_case": True}, "porter_stem")
    yield chain("running jumping", {"type": "keyword_marker", "keywords_pattern": "r.*"}, "porter_stem")
    yield chain("running mice stemming", {"type": "stemmer_override", "rules": ["running, runs => run", "stemmer => stemmer", "mice => mouse"]}, "porter_stem")
    for text in ["Donaudampfschiff", "kopfschmerzen Fussballpumpe"]:
        yield from f(text, type="dictionary_decompounder", word_list=["Donau", "dampf", "meer", "schiff", "kopf", "schmerz", "ball", "Fuss", "Fussball", "pumpe"])
        yield from f(text, type="dictionary_decompounder", word_list=["Fuss", "Fussball", "schiff"], only_longest_match=True)
    words = ["Donau", "dampf", "schiff", "kopf", "schmerz"]
    for sizes in [{"min_word_size": 20}, {"min_subword_size": 6}, {"max_subword_size": 5}]:
        yield from f("Donaudampfschiff kopfschmerzen", type="dictionary_decompounder", word_list=words, **sizes)
    yield from f("quick fox", type="edge_ngram", min_gram=1, max_gram=2, side="back")
    yield from f("Quick fox äöü ab", type="ngram")
    yield from f("Quick fox a", type="ngram", min_gram=2, max_gram=3)
    yield from f("Quick a abcd", type="ngram", min_gram=2, max_gram=3, preserve_original=True)
    yield from f("the quick brown", type="edge_ngram", min_gram=1, max_gram=2)
    yield from f("the quick a", type="edge_ngram", min_gram=2, max_gram=3, preserve_original=True)


DELIMITED = ["Neil's-Super-Duper-XL500--42+AutoCoder", "Wi-Fi", "PowerShot", "SD500", "hello---there, 'dude'", "O'Neil's", "my-data 500-42", "a", "--", "plain", "super-duper-xl500-42-autocoder", "foo-bar's x", "PowerShot2000"]


def delimiters():
    options = [{}, {"preserve_original": True}, {"catenate_words": True}, {"catenate_all": True}, {"catenate_words": True, "catenate_numbers": True, "preserve_original": True}, {"generate_word_parts": False, "catenate_all": True}, {"split_on_case_change": False, "split_on_numerics": False}, {"stem_english_possessive": False}, {"generate_number_parts": False}]
    for kind in ["word_delimiter", "word_delimiter_graph"]:
        for option in options:
            yield chain(" ".join(DELIMITED), {"type": kind, **option})
            for text in DELIMITED[:5]:
                yield chain(text, {"type": kind, **option}, tokenizer="keyword")
        yield chain("wi-fi wi_fi", {"type": kind, "protected_words": ["wi-fi"]})
        yield chain("$100 50%", {"type": kind, "type_table": ["$ => DIGIT", "% => DIGIT"]})
    yield chain("PowerShot wi-fi", {"type": "word_delimiter_graph", "adjust_offsets": False})
    yield chain("PowerShot wi-fi", {"type": "keyword_marker", "keywords": ["wi-fi"]}, {"type": "word_delimiter_graph", "ignore_keywords": True})
    yield chain("the PowerShot", "lowercase", {"type": "word_delimiter_graph"})
    yield chain("the - and wi-fi", {"type": "stop"}, {"type": "word_delimiter_graph", "catenate_all": True})


def several():
    f = lambda *texts, **p: component("filter", texts, **p)
    for text in ["quick brown fox jumps", "one", "a b"]:
        yield from f(text, type="shingle")
        yield from f(text, type="shingle", min_shingle_size=2, max_shingle_size=3)
        yield from f(text, type="shingle", output_unigrams=False)
        yield from f(text, type="shingle", output_unigrams=False, output_unigrams_if_no_shingles=True)
        yield from f(text, type="shingle", min_shingle_size=2, max_shingle_size=4, output_unigrams=False, token_separator="+")
    for text in ["foxes jump the lazy dog", "the quick a the brown fox", "jump over the lazy"]:
        yield chain(text, "stop", {"type": "shingle"})
        yield chain(text, "stop", {"type": "shingle", "filler_token": "*", "max_shingle_size": 3})
    yield from f("the quick fox is brown", type="common_grams", common_words=["a", "is", "the"])
    yield from f("the quick fox is the", type="common_grams", common_words=["a", "is", "the"])
    yield from f("the quick fox is brown", type="common_grams", common_words=["a", "is", "the"], query_mode=True)
    yield from f("THE quick fox", type="common_grams", common_words=["the"], ignore_case=True)
    for text in ["東京都は、日本の首都であり", "一", "一二 三 test 四五", "ひらカタ漢字", "한국 어"]:
        yield chain(text, "cjk_bigram", tokenizer="standard")
        yield chain(text, {"type": "cjk_bigram", "output_unigrams": True}, tokenizer="standard")
        yield chain(text, {"type": "cjk_bigram", "ignored_scripts": ["hangul", "hiragana", "katakana"]}, tokenizer="standard")
    yield from f("zebra jumps over resting resting dog", type="fingerprint")
    yield from f("b a b c", type="fingerprint", separator="+")
    yield from f("long words here", type="fingerprint", max_output_size=5)
    for text in ["the quick brown fox jumps over the lazy dog", "the quick brown fox jumps over a lazy dog", "é 日本 😀", "", "one"]:
        yield from f(text, type="min_hash", hash_count=1, bucket_count=4, hash_set_size=2)
        yield from f(text, type="min_hash", hash_count=3, bucket_count=2)
        yield from f(text, type="min_hash", hash_count=2, bucket_count=5, with_rotation=False)
        yield from f(text, type="min_hash", hash_count=1, bucket_count=7, with_rotation=True)
        yield from f(text, type="min_hash", hash_count=1, bucket_count=1, hash_set_size=20)
    yield chain("a b", "min_hash")
    yield chain("the quick brown fox jumps over", {"type": "shingle", "min_shingle_size": 5, "max_shingle_size": 5, "output_unigrams": False}, {"type": "min_hash", "hash_count": 1, "bucket_count": 16, "hash_set_size": 1, "with_rotation": True})
    for text in ["Going HOME", "Running the foxes"]:
        yield from f(text, type="multiplexer", filters=["lowercase", "lowercase, porter_stem"])
        yield from f(text, type="multiplexer", filters=["lowercase", "uppercase"], preserve_original=False)


SYNONYMS = ["tv, television set", "lol, laughing out loud", "universe, cosmos", "dns, domain name system", "i-pod, i pod => ipod", "sea biscuit, sea biscit => seabiscuit", "foo => foo bar, baz", "big apple, nyc => new york city", "usa, united states, united states of america"]
SYNONYM_TEXTS = ["tv set", "my tv is old", "universe", "the i pod plays", "dns is fragile", "domain name system is fragile", "foo", "foo end", "the big apple rocks", "usa", "united states of america now", "united states now", "nothing here", "sea biscuit sea", "lol lol", "laughing out", "united"]


def values():
    texts = [["quick the", "fox"], ["quick the of", "the fox"], ["the", "the", "fox"], ["", "fox"], ["quick", "", "fox"], ["the of", "the", "quick the", "fox the"], ["a an", "no fox", "dog"]]
    filters = [["stop"], ["stop", "shingle"], [{"type": "length", "max": 3}], [{"type": "ngram", "min_gram": 3, "max_gram": 3}], [{"type": "edge_ngram", "min_gram": 3, "max_gram": 4}], ["stop", "fingerprint"], ["stop", {"type": "multiplexer", "filters": ["uppercase"]}], ["stop", "keyword_repeat"], [{"type": "keep", "keep_words": ["fox", "quick"]}], ["stop", {"type": "synonym_graph", "synonyms": ["fox, red fox"]}], ["stop", "cjk_bigram"], ["stop", "unique"]]
    for text in texts:
        for analyzer in ["stop", "standard", "english", "fingerprint", "keyword"]:
            yield {"analyzer": analyzer, "text": text}
        yield {"analyzer": {"type": "custom", "tokenizer": "whitespace", "filter": ["stop"], "position_increment_gap": 5}, "text": text}
        for chosen in filters:
            yield {"tokenizer": "whitespace", "filter": chosen, "text": text}
        yield {"tokenizer": {"type": "classic", "max_token_length": 4}, "text": text}


def synonyms():
    for kind in ["synonym", "synonym_graph"]:
        for text in SYNONYM_TEXTS:
            yield chain(text, {"type": kind, "synonyms": SYNONYMS})
        for text in ["b", "x c y"]:
            yield chain(text, {"type": kind, "synonyms": ["a, b, c"], "expand": False})
            yield chain(text, {"type": kind, "synonyms": ["a, b, c"]})
        yield chain("Foxes RUN", "lowercase", "porter_stem", {"type": kind, "synonyms": ["foxes, running => Animals"]})
        yield chain("foo bar", "stop", {"type": kind, "synonyms": ["the => foo", "foo, x"], "lenient": True})
        yield chain("a\\,b c", {"type": kind, "synonyms": ["a\\\\\\,b, d"]})
        yield chain("baby child tyke", {"type": kind, "format": "wordnet", "synonyms": ["s(100000001,1,'baby',n,1,0).", "s(100000001,2,'child',n,1,0).", "s(100000002,1,'tyke',n,1,0)."]})
    for text in SYNONYM_TEXTS[:10]:
        yield chain(text, {"type": "synonym_graph", "synonyms": SYNONYMS}, "flatten_graph")
    yield chain("PowerShot wi-fi", {"type": "word_delimiter_graph", "catenate_all": True, "preserve_original": True}, "flatten_graph")


# Components that the peer lacks, as their public documentation shows them: a body, and its tokens.
def in_row(text, words):
    """Words that follow one another in a text."""
    tokens, at = [], 0
    for position, part in enumerate(words):
        at = text.index(part, at)
        tokens.append([part, at, at + len(part), "word", position, 1])
        at += len(part)
    return tokens


def jieba(text, *words):
    return {"tokenizer": "jieba_search", "text": text}, in_row(text, words)


def chinese(analyzer, text, *words):
    return {"analyzer": analyzer, "text": text}, in_row(text, words)


def jieba_index():
    """The words for a search engine, as jieba's own page lists them; ours give the long word before those within it."""
    text = "小明硕士毕业于中国科学院计算所，后在日本京都大学深造"
    places = ["小明", "硕士", "毕业", "于", "中国科学院 中国 科学 学院 科学院", "计算所 计算", "后", "在", "日本京都大学 日本 京都 大学", "深造"]
    tokens = []
    for position, place in enumerate(places):
        for part in place.split():
            start = text.index(part)
            tokens.append([part, start, start + len(part), "word", position, 1])
    return text, tokens


def word(text, start, end, position, kind="word", length=1):
    return [text, start, end, kind, position, length]


DOCUMENTED = [
    (chain("Smith Schmidt", {"type": "phonetic", "encoder": "soundex"}), [word("S530", 0, 5, 0), word("S530", 6, 13, 1)]),
    (chain("Joe Bloggs", "lowercase", {"type": "phonetic", "encoder": "metaphone", "replace": False}, tokenizer="standard"), [word("J", 0, 3, 0, "<ALPHANUM>"), word("joe", 0, 3, 0, "<ALPHANUM>"), word("BLKS", 4, 10, 1, "<ALPHANUM>"), word("bloggs", 4, 10, 1, "<ALPHANUM>")]),
    (chain("Testing1 The2 Quick3", {"type": "phonetic", "encoder": "refined_soundex"}, tokenizer="letter"), [word("T6036084", 0, 7, 0), word("T60", 9, 12, 1), word("Q503", 14, 19, 2)]),
    (chain("Thompson", {"type": "phonetic", "encoder": "caverphone1"}), [word("TMPSN1", 0, 8, 0)]),
    (chain("Thompson", {"type": "phonetic", "encoder": "double_metaphone"}), [word("TMPS", 0, 8, 0)]),
    jieba("我来到北京清华大学", "我", "来到", "北京", "清华大学"),
    jieba("他来到了网易杭研大厦", "他", "来到", "了", "网易", "杭研", "大厦"),
    jieba("小明，硕士毕业", "小明", "硕士", "毕业"),
    chinese("jieba_search", "我来到北京清华大学", "我", "来到", "北京", "清华大学"),
    *[({place: "jieba_index", "text": jieba_index()[0]}, jieba_index()[1]) for place in ("analyzer", "tokenizer")],
    chinese("smartcn", "我是中国人", "我", "是", "中国", "人"),
    ({"tokenizer": "smartcn_tokenizer", "text": "我是中国人"}, in_row("我是中国人", ["我", "是", "中国", "人"])),
    (chain("Thompson", {"type": "phonetic", "encoder": "caverphone2"}), [word("TMPSN11111", 0, 8, 0)]),
    (chain("Müller-Lüdenscheidt", {"type": "phonetic", "encoder": "cologne"}), [word("65752682", 0, 19, 0)]),
    (chain("Knuth Koehn Bart", {"type": "phonetic", "encoder": "nysiis"}), [word("NAT", 0, 5, 0), word("CAN", 6, 11, 1), word("BAD", 12, 16, 2)]),
    (chain("Robert Rupert Tymczak Pfister", {"type": "phonetic", "encoder": "soundex"}), [word("R163", 0, 6, 0), word("R163", 7, 13, 1), word("T522", 14, 21, 2), word("P236", 22, 29, 3)]),
    (chain("Thompson", {"type": "phonetic", "encoder": "double_metaphone", "max_code_len": 2}), [word("TM", 0, 8, 0)]),
    (chain("Smith", {"type": "phonetic", "encoder": "double_metaphone"}), [word("SM0", 0, 5, 0), word("XMT", 0, 5, 0)]),
]

def ask(base, body):
    """What the peer answers. An analyzer with parameters is defined first, in an index of its own."""
    index = INDEX
    if isinstance(body.get("analyzer"), dict):
        index = f"{INDEX}-defined"
        request(base, "DELETE", f"/{index}?ignore_unavailable=true")
        request(base, "PUT", f"/{index}", {"settings": {"index": {"number_of_replicas": 0}, "analysis": {"analyzer": {"defined": body["analyzer"]}}}})
        body = {**body, "analyzer": "defined"}
    try:
        answer = request(base, "POST", f"/{index}/_analyze", body)
        return answer["detail"] if body.get("explain") else [short(token) for token in answer["tokens"]]
    except urllib.error.HTTPError as error:
        print(f"left out, as the peer refuses it: {json.dumps(body, ensure_ascii=False)}: {error.read().decode()}", file=sys.stderr)
        return None


def request(base, method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    asked = urllib.request.Request(f"{base}{path}", data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(asked) as answer:
        return json.load(answer)


def as_indexed(text):
    """Half a pair of UTF-16 is what the index makes of it."""
    return "".join("\ufffd" if 0xD800 <= ord(letter) <= 0xDFFF else letter for letter in text)


def short(token):
    return [as_indexed(token["token"]), token["start_offset"], token["end_offset"], token["type"], token["position"], token.get("positionLength", 1)]


def prepare(base):
    settings = {"index": {"max_ngram_diff": 10, "max_shingle_diff": 10, "number_of_replicas": 0}}
    try:
        request(base, "PUT", f"/{INDEX}", {"settings": settings})
    except urllib.error.HTTPError as error:
        if b"resource_already_exists" not in error.read():
            raise


def main():
    base = sys.argv[1].rstrip("/")
    prepare(base)
    FOLDER.mkdir(parents=True, exist_ok=True)
    for make in [analyzers, defined, explained, languages, char_filters, tokenizers, letters, words, delimiters, several, values, synonyms, stems]:
        path = FOLDER / f"{make.__name__}.jsonl"
        kept = {}
        if path.exists():
            rows = map(json.loads, path.read_text().splitlines())
            kept = {json.dumps(row["analyze"], sort_keys=True): row for row in rows if "ours" in row}
        lines = []
        for body in make():
            tokens = ask(base, body)
            if tokens is None:
                continue
            row = {"analyze": body, "tokens": tokens, "source": "opensearch"}
            old = kept.get(json.dumps(body, sort_keys=True))
            if old and old["ours"] != tokens:
                row |= {"ours": old["ours"], "reason": old["reason"]}
            lines.append(json.dumps(row, ensure_ascii=False))
        path.write_text("\n".join(lines) + "\n")
        print(path.name, len(lines))
    write_documented()


def write_documented():
    rows = [{"analyze": body, "tokens": tokens, "source": "documentation"} for body, tokens in DOCUMENTED]
    (FOLDER / "documented.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


main()
