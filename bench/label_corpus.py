"""Texts with personal data and secrets for bench/labels.py, made from seeds: for each type valid ones, and near misses whose
check digit is wrong. The check digits are computed here once more, from the published rules, and share nothing with the
detectors."""

import base64
import hashlib
import string

DIGITS, LETTERS = string.digits, string.ascii_uppercase


def luhn(digits):
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def verhoeff(digits):
    table = [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 4, 0, 6, 7, 8, 9, 5], [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
             [3, 4, 0, 1, 2, 8, 9, 5, 6, 7], [4, 0, 1, 2, 3, 9, 5, 6, 7, 8], [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
             [6, 5, 9, 8, 7, 1, 0, 4, 3, 2], [7, 6, 5, 9, 8, 2, 1, 0, 4, 3], [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
             [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]]
    turns = [list(range(10)), [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]]
    for _ in range(6):
        turns.append([turns[-1][turns[1][i]] for i in range(10)])
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = table[check][turns[place % 8][int(digit)]]
    return check == 0


def mod11_10(digits):
    product = 10
    for digit in digits[:-1]:
        product = ((product + int(digit)) % 10 or 10) * 2 % 11
    return (11 - product) % 10 == int(digits[-1])


def weighted(digits, weights):
    return sum(int(digit) * weight for digit, weight in zip(digits, weights))


def iban(country, bban):
    number = "".join(str(int(c, 36)) for c in bban + country + "00")
    return f"{country}{98 - int(number) % 97:02d}{bban}"


def grouped(text, *sizes, by=" "):
    parts = []
    for size in sizes:
        parts.append(text[:size])
        text = text[size:]
    return by.join(parts)


class Maker:
    """Draws one value after the other; `digits(9, rule)` draws until the rule holds."""

    def __init__(self, dice):
        self.dice = dice

    def draw(self, alphabet, count):
        return "".join(self.dice.choice(alphabet) for _ in range(count))

    def digits(self, count, rule=lambda _: True):
        while True:
            drawn = self.draw(DIGITS, count)
            if len(set(drawn)) > min(2, count - 1) and rule(drawn):
                return drawn

    def date(self, order):
        y, m, d = self.dice.randrange(40, 99), self.dice.randrange(1, 13), self.dice.randrange(1, 29)
        return "".join({"y": f"{y:02d}", "m": f"{m:02d}", "d": f"{d:02d}"}[part] for part in order)

    def dated(self, order, count, rule=lambda _: True):
        while True:
            drawn = self.date(order) + self.draw(DIGITS, count)
            if rule(drawn):
                return drawn

    def token(self, count):
        return self.draw(string.ascii_letters + DIGITS, count - 3) + "a7Q"


def nl_bsn(d):
    return weighted(d, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def cpf(d):
    for n in (9, 10):
        rest = weighted(d[:n], range(n + 1, 1, -1)) * 10 % 11 % 10
        if rest != int(d[n]):
            return False
    return True


def tax_id(d):
    counts = [d[:10].count(c) for c in set(d[:10])]
    return d[0] != "0" and sorted(counts)[-1] in (2, 3) and sum(c > 1 for c in counts) == 1 and mod11_10(d)


def spanish(number):
    return number + "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def nir(m):
    body = m.dice.choice("12") + f"{m.dice.randrange(100):02d}{m.dice.randrange(1, 13):02d}{m.dice.randrange(1, 96):02d}" + m.digits(6)
    return body + f"{97 - int(body) % 97:02d}"


def belgian(m):
    body = m.dated("ymd", 3)
    return body + f"{97 - int(body) % 97:02d}"


def chinese(m):
    body = m.digits(6) + "19" + m.date("ymd") + m.draw(DIGITS, 3)
    rest = weighted(body, (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)) % 11
    return body + "10X98765432"[rest]


def finnish(m):
    date, number = m.date("dmy"), f"{m.dice.randrange(2, 900):03d}"
    return f"{date}-{number}" + "0123456789ABCDEFHJKLMNPRSTUVWXY"[int(date + number) % 31]


def norwegian(m):
    def good(d):
        return (weighted(d, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0 and
                weighted(d, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0)
    return m.dated("dmy", 5, good)


def turkish(m):
    d = m.digits(9, lambda n: n[0] != "0")
    tenth = (weighted(d[::2], [7] * 5) - weighted(d[1::2], [1] * 4)) % 10
    d += str(tenth)
    return d + str(sum(map(int, d)) % 10)


def vin(m):
    values = dict(zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ",
                      list(range(10)) + [1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 7, 9, 2, 3, 4, 5, 6, 7, 8, 9]))
    alphabet = "ABCDEFGHJKLMNPRSTUVWXYZ"
    body = m.draw(DIGITS, 1) + m.draw(alphabet, 4) + m.draw(DIGITS, 3) + "0" + m.draw(alphabet, 2) + m.draw(DIGITS, 6)
    rest = sum(values[c] * w for c, w in zip(body, (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2))) % 11
    return body[:8] + ("X" if rest == 10 else str(rest)) + body[9:]


def bitcoin(m):
    payload = b"\0" + bytes(m.dice.randrange(256) for _ in range(20))
    raw = payload + hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4]
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, rest = divmod(number, 58)
        text = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"[rest] + text
    return "1" + text


def jwt(m):
    part = [base64.urlsafe_b64encode(text).rstrip(b"=").decode()
            for text in (b'{"alg":"HS256"}', b'{"sub":"%s"}' % m.token(12).encode())]
    return ".".join([*part, m.token(43)])


# Not from the detectors' lists: names as a person would make them up for a form, some rare.
GIVEN = ("Olivia Liam Amelia Noah Thandiwe Mateus Ingrid Jürgen Siobhán Zofia Wojciech Matthijs Chloé Béatrice Giulia "
         "Alessandro Yusuf Elif Dimitris Ngozi Kwame Priya Arjun Mei Haruto Soo-jin Fatima Omar Layla Kofi Svetlana Bogdan").split()
FAMILY = ("Hartley Okonkwo Ferreira Lindqvist Müller Brennan Kowalczyk van-Dijk Dubois Lefèvre Ricci Esposito Yılmaz Papadakis "
          "Adeyemi Mensah Sharma Iyer Zhang Tanaka Kim Al-Farsi Haddad Novák Horvat Ionescu Petrov Sørensen Virtanen O'Malley").split()
STREETS = ("{n} {w} Street", "{n} {w} Avenue", "{n} {w} Road", "{n} {w} Lane", "{W}straße {n}", "{W}weg {n}",
           "{n} rue {w}", "Calle {w} {n}", "Via {w} {n}", "ul. {w} {n}", "{W}straat {n}", "{W}gatan {n}")
WORDS = "Maple Oak Garden Linden Schiller Mill Church Station Lafayette Mozart Kaiser Rosen Victoria Harbour Ulmen".split()


def makers(m):
    """type: (words beside it, a drawn valid value). The words are drawn too, empty where it has to stand by itself."""
    person = f"{m.dice.choice(GIVEN)} {m.dice.choice(FAMILY)}"
    street = m.dice.choice(STREETS)
    word = m.dice.choice(WORDS)
    return {
        "email": lambda: ("write to", f"{m.draw(string.ascii_lowercase, 5)}.{m.draw(string.ascii_lowercase, 6)}@"
                              f"{m.draw(string.ascii_lowercase, 7)}.{m.dice.choice(['com', 'de', 'org', 'co.uk', 'io'])}"),
        "phone": lambda: ("call", m.dice.choice([f"+49 {m.digits(3)} {m.digits(7)}", f"+1 415-555-{m.digits(4)}",
                f"(212) 555-{m.digits(4)}",
                                         f"020 7946 {m.digits(4)}", f"06 {grouped(m.digits(8), 2, 2, 2, 2)}"])),
        "card": lambda: ("card", grouped(m.dice.choice(["4", "51", "2223"]).ljust(4, "0")[:1] and
                                 m.digits(16, lambda d: d[0] == "4" and luhn(d)), 4, 4, 4, 4, by=m.dice.choice([" ",
                                         "-", ""]))),
        "iban": lambda: ("", m.dice.choice([iban("DE", m.digits(18)), iban("GB", m.draw(LETTERS, 4) + m.digits(14)),
                                    grouped(iban("NL", m.draw(LETTERS, 4) + m.digits(10)), 4, 4, 4, 4, 2)])),
        "name": lambda: (m.dice.choice(["ask", "said", "Dear", "Mr."]), person),
        "address": lambda: (m.dice.choice(["lives at", "send it to", ""]), street.format(n=m.dice.randrange(1, 300),
                w=word, W=word)),
        "date_of_birth": lambda: (m.dice.choice(["born", "date of birth", "birth date"]),
                m.dice.choice(["12.03.1984", "1984-03-12", "March 12, 1984", "12/03/1984"])),
        "ip_address": lambda: ("from", f"81.{m.dice.randrange(256)}.{m.dice.randrange(256)}.{m.dice.randrange(1, 255)}"),
        "mac_address": lambda: ("at", ":".join(m.draw("0123456789abcdef", 2) for _ in range(6))),
        "location": lambda: (lambda a, b: m.dice.choice([("coordinates", f"{a}, {b}"), ("lat:", f"{a}, lon: {b}")]))(
            f"{m.dice.uniform(-80, 80):.5f}", f"{m.dice.uniform(-170, 170):.5f}"),
        "crypto_wallet": lambda: ("", bitcoin(m)),
        "imei": lambda: ("IMEI", m.digits(15, luhn)),
        "vin": lambda: ("", vin(m)),
        "us_ssn": lambda: ("", grouped(m.digits(9, lambda d: d[0] not in "09" and d[:3] != "666"
                and d[3:5] != "00" and d[5:] != "0000"), 3, 2, 4, by="-")),
        "us_itin": lambda: ("ITIN", grouped("9" + m.digits(2) + "7" + m.digits(5), 3, 2, 4, by="-")),
        "us_aba_routing": lambda: ("routing number", m.digits(9, lambda d: 1 <= int(d[:2]) <= 12 and weighted(d, (3,
                7, 1) * 3) % 10 == 0)),
        "us_npi": lambda: ("NPI", m.digits(10, lambda d: d[0] in "12" and luhn("80840" + d))),
        "us_dea": lambda: ("DEA number",
                (lambda d: f"B{m.draw(LETTERS, 1)}{d}{(weighted(d, (1, 2, 1, 2, 1, 2))) % 10}")(m.digits(6))),
        "ca_sin": lambda: ("SIN", grouped(m.digits(9, lambda d: d[0] not in "08" and luhn(d)), 3, 3, 3)),
        "br_cpf": lambda: ("", grouped(m.digits(11, cpf), 3, 3, 3, by=".") + "-" + "00"),
        "uk_nhs": lambda: ("NHS number", grouped(m.digits(10, lambda d: (11 - weighted(d[:9], range(10, 1,
                -1)) % 11) % 11 == int(d[9])), 3, 3, 4)),
        "uk_nino": lambda: ("",
                f"{m.draw('ACEHJKLMPRSTWXYZ', 1)}{m.draw('ACEHJKLMPRSWXYZ', 1)} {grouped(m.digits(6), 2, 2, 2)} {m.draw('ABCD', 1)}"),
        "de_tax_id": lambda: (m.dice.choice(["Steuer-ID", "steuer id"]), m.digits(11, tax_id)),
        "de_vat": lambda: ("", "DE" + m.digits(9, mod11_10)),
        "at_svnr": lambda: ("SVNR", m.digits(4, lambda d: d[0] != "0")),
        "ch_ahv": lambda: ("", (lambda d: grouped("756" + d + str(-weighted("756" + d, (1, 3) * 6) % 10), 3, 4, 4, 2,
                by="."))(m.digits(9))),
        "nl_bsn": lambda: ("BSN", m.digits(9, nl_bsn)),
        "be_national": lambda: ("", belgian(m)),
        "fr_nir": lambda: ("", nir(m)),
        "fr_siret": lambda: ("SIRET", m.digits(14, luhn)),
        "es_nif": lambda: ("", (lambda d: m.dice.choice([d, f"{grouped(d[:8], 2, 3, 3, by='.')}-{d[8]}"]))(
                spanish(m.digits(8)))),
        "pt_nif": lambda: ("NIF", m.digits(9, lambda d: d[0] in "1235689" and (lambda r: 0 if r < 2
                else 11 - r)(weighted(d, range(9, 1, -1)) % 11) == int(d[8]))),
        "it_vat": lambda: ("partita IVA", m.dice.choice(["", "IT"]) + m.digits(11, luhn)),
        "pl_pesel": lambda: ("PESEL", m.dated("ymd", 5, lambda d: weighted(d, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1)) % 10 == 0)),
        "cz_birth_number": lambda: ("", (lambda d: f"{d[:6]}/{d[6:]}")(m.dated("ymd", 4, lambda d: int(d) % 11 == 0))),
        "ro_cnp": lambda: ("CNP", "1" + m.dated("ymd", 6, lambda d: (lambda r: 1 if r == 10 else r)(weighted("1" + d,
                (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11) == int(d[11]))),
        "bg_egn": lambda: (m.dice.choice(["EGN", "ЕГН"]), m.dated("ymd", 4, lambda d: weighted(d, (2, 4, 8, 5, 10, 9, 7, 3,
                6)) % 11 % 10 == int(d[9]))),
        "hr_oib": lambda: ("OIB", m.digits(11, mod11_10)),
        "tr_tckn": lambda: ("", turkish(m)),
        "fi_hetu": lambda: ("", finnish(m)),
        "se_personnummer": lambda: ("", (lambda d: f"{d[:6]}-{d[6:]}")(m.dated("ymd", 4, luhn))),
        "dk_cpr": lambda: ("CPR", (lambda d: f"{d[:6]}-{d[6:]}")(m.dated("dmy", 4))),
        "no_fodselsnummer": lambda: ("", norwegian(m)),
        "in_aadhaar": lambda: ("", grouped(m.digits(12, lambda d: d[0] > "1" and verhoeff(d)), 4, 4, 4)),
        "in_pan": lambda: ("", f"{m.draw(LETTERS, 3)}P{m.draw(LETTERS, 1)}{m.digits(4)}{m.draw(LETTERS, 1)}"),
        "kr_rrn": lambda: ("", (lambda d: f"{d[:6]}-{d[6:]}")(m.dated("ymd", 7, lambda d: d[6] in "12"
                and (11 - weighted(d, (2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5)) % 11) % 10 == int(d[12])))),
        "jp_my_number": lambda: (m.dice.choice(["my number", "マイナンバー"]),
                m.digits(12, lambda d: (lambda r: 0 if r < 2 else 11 - r)(weighted(d,
                (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11) == int(d[11]))),
        "cn_resident_id": lambda: ("", chinese(m)),
        "sg_nric": lambda: ("", (lambda d: "S" + d + "JZIHGFEDCBA"[weighted(d, (2, 7, 6, 5, 4, 3, 2)) % 11])(m.digits(7))),
        "th_id": lambda: ("", (lambda d: grouped(d, 1, 4, 5, 2, 1, by="-"))(m.digits(13,
                lambda d: d[0] in "12345678" and (11 - weighted(d, range(13, 1, -1)) % 11) % 10 == int(d[12])))),
        "au_abn": lambda: ("ABN", grouped(m.digits(11, lambda d: d[0] != "0" and (weighted(d, (10, 1, 3, 5, 7, 9, 11,
                13, 15, 17, 19)) - 10) % 89 == 0), 2, 3, 3, 3)),
        "au_tfn": lambda: ("TFN", grouped(m.digits(9, lambda d: weighted(d, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0),
                3, 3, 3)),
        "za_id": lambda: ("", m.dated("ymd", 7, lambda d: d[10] in "01" and luhn(d))),
        "ng_nin": lambda: ("NIN", m.digits(11, verhoeff)),
        "api_key": lambda: ("", m.dice.choice([f"ghp_{m.token(36)}", f"sk-proj-{m.token(48)}",
                f"glpat-{m.token(20)}", f"xoxb-{m.digits(12)}-{m.token(24)}",
                                       f"API_KEY={m.token(32)}", "AKIA" + m.draw("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)])),
        "jwt": lambda: ("", jwt(m)),
        "private_key": lambda: ("",
                f"-----BEGIN RSA PRIVATE KEY-----\n{m.token(64)}\n{m.token(64)}\n-----END RSA PRIVATE KEY-----"),
        "password": lambda: m.dice.choice([("password:", m.token(12) + "!"), ("DB_PASSWORD=", m.token(12) + "!"),
                ("Passwort:", m.token(12) + "!"), ("пароль:", m.token(12)), ("密码:", m.token(12)),
                ("POSTGRES_PASSWORD=", m.draw(string.ascii_lowercase, 16) + "\n")]),
        "connection_string": lambda: ("", f"postgres://app:{m.token(14)}@db:5432/x"),
        "auth_header": lambda: ("", f"Authorization: Bearer {m.token(40)}"),
        "cookie": lambda: ("", f"Cookie: session={m.token(32)}"),
    }


def value_of(kind, m):
    """(words before it, value); what a table entry cannot say in one line is finished here."""
    words, value = makers(m)[kind]()
    if kind == "br_cpf":
        digits = m.digits(11, cpf)
        value = f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"
    if kind == "at_svnr":
        while True:
            serial, date = m.digits(3, lambda d: d[0] != "0"), m.date("dmy")
            check = (weighted(serial, (3, 7, 9)) + weighted(date, (5, 8, 4, 2, 1, 6))) % 11
            if check < 10:
                return words, f"{serial}{check} {date}"
    return words, value


# Types whose words may also be the name of a JSON field, with _ or - for a space.
FIELDS = ("card date_of_birth imei us_itin us_aba_routing us_npi us_dea ca_sin uk_nhs de_tax_id nl_bsn fr_siret pt_nif it_vat "
          "pl_pesel ro_cnp bg_egn hr_oib jp_my_number au_abn au_tfn ng_nin").split()

# Types whose near misses have a wrong check: the last digit, or the last letter, is another one.
CHECKED = ("card iban imei vin us_aba_routing us_npi us_dea ca_sin br_cpf uk_nhs de_tax_id de_vat ch_ahv nl_bsn be_national fr_nir "
           "fr_siret es_nif pt_nif it_vat pl_pesel cz_birth_number ro_cnp bg_egn hr_oib tr_tckn fi_hetu se_personnummer "
           "no_fodselsnummer in_aadhaar kr_rrn jp_my_number cn_resident_id sg_nric th_id au_abn au_tfn za_id ng_nin "
           "crypto_wallet").split()


def near_miss(value, dice):
    """The value with one character changed for another of its kind."""
    place = max(i for i, c in enumerate(value) if c.isalnum() and (c.isdigit() or i == len(value) - 1))
    alphabet = DIGITS if value[place].isdigit() else LETTERS
    return value[:place] + dice.choice([c for c in alphabet if c != value[place]]) + value[place + 1:]
