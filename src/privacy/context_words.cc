#include "privacy/context_words.h"

namespace weir::privacy {
namespace {

using enum Type;

constexpr ContextRule kRules[] = {
    {{kPhone},
     "phone,telephone,tel,mobile,fax,call,whatsapp,sms,text me,contact number,reach "
     "me,telefon,telefonnummer,handy,"
     "handynummer,mobil,rufnummer,anrufen,telefono,movil,celular,cellulare,telephone "
     "portable,portable,telefone,"
     "telefoon,gsm,komorka,numer "
     "telefonu,puhelin,telefonnumer,mobilnummer,telefonszam,phonenumber,msisdn,телефон,Телефон,тел,"
     "Тел,моб,мобильный,Мобильный,τηλέφωνο,Τηλέφωνο,κινητό,טלפון,هاتف,الهاتف,جوال,الجوال,फोन,"
     "मोबाइल,โทร,โทรศัพท์,电话,電話,手机,手機,联系方式,携帯,携帯電話,전화,전화번호,휴대폰,연락처"},
    {{kIpAddress},
     "ip,ipv4,ipv6,ip address,client_ip,remote_addr,remote "
     "address,x-forwarded-for,host,gateway,dns"},
    {{kMacAddress}, "mac,mac address,hwaddr,ether,bssid"},
    {{kAddress},
     "address,street,zip,zip code,zipcode,postcode,postal code,lives at,live at,living "
     "at,residence,resident of,ship to,"
     "deliver "
     "to,adresse,anschrift,wohnhaft,wohnt,direccion,domicilio,indirizzo,endereco,adres,habite,"
     "demeurant,adress"},
    {{kLocation}, "gps,latitude,longitude,lat,lon,lng,coordinates,location,geo"},
    {{kCard},
     "card,credit card,debit card,card number,cardnumber,visa,mastercard,amex,american "
     "express,discover,maestro,pan,"
     "kreditkarte,kartennummer,carte bancaire,carte de credit,tarjeta,carta di "
     "credito,cartao,creditcard,karta,cvv,cvc,карта,Карта,карты,κάρτα,信用卡,银行卡,銀行卡,卡号,"
     "卡號,クレジットカード,カード番号,카드,카드번호"},
    {{kIban, kBankAccount},
     "iban,account number,account no,acct,bank account,account,sort "
     "code,swift,bic,kontonummer,konto,bankverbindung,"
     "numero de cuenta,cuenta bancaria,compte bancaire,conto corrente,conta "
     "bancaria,rekeningnummer,numer "
     "konta,routing,счет,счёт,Счет,Счёт,сметка,рахунок,λογαριασμός,账号,帳號,账户,帳戶,口座,"
     "口座番号,계좌,계좌번호"},
    {{kUsAbaRouting}, "routing,routing number,aba,rtn,aba number,transit number,wire"},
    {{kCryptoWallet}, "wallet,bitcoin,btc,ethereum,eth,solana,sol address,crypto,deposit address"},
    {{kPassport, kDeIdCard},
     "passport,passport number,passport "
     "no,reisepass,passnummer,passeport,pasaporte,passaporto,passaporte,paspoort,"
     "paszport,ausweis,personalausweis,ausweisnummer,id card,identity card,carte "
     "d'identite,dni,паспорт,Паспорт,διαβατήριο,דרכון,جواز,护照,護照,パスポート,旅券,여권,"
     "여권번호"},
    {{kDriverLicence, kUkDrivingLicence},
     "driver's license,drivers license,driver license,driving licence,driving license,driver's "
     "licence,licence number,"
     "license number,dl number,fuhrerschein,fuhrerscheinnummer,permis de conduire,permiso de "
     "conducir,patente,rijbewijs,"
     "prawo jazdy,dvla,carteira de motorista,cnh,водительское "
     "удостоверение,驾驶证,驾照,駕照,免許証,운전면허"},
    {{kMedicalRecord, kUkNhs},
     "mrn,medical record,medical record number,patient,patient id,patient number,patientid,chart "
     "number,hospital number,病历号,診察券番号,カルテ番号,номер карты пациента"},
    {{kUkNhs}, "nhs,nhs number,nhs no,gp surgery"},
    {{kImei}, "imei,device id,handset,serial"},
    {{kVin}, "vin,vehicle,chassis,fahrgestellnummer,car,truck"},
    {{kUsSsn, kUsItin},
     "ssn,social security,social security number,soc "
     "sec,my social,ss#,ssnumber,socialsecuritynumber,taxpayer,tax id"},
    {{kUsItin}, "itin,individual taxpayer"},
    {{kUsNpi}, "npi,provider,national provider,prescriber,physician"},
    {{kUsMbi}, "medicare,mbi,beneficiary"},
    {{kUsDea}, "dea,dea number,prescriber,controlled substance"},
    {{kCaSin}, "sin,social insurance,social insurance number,numero d'assurance sociale,nas"},
    {{kMxCurp}, "curp"},
    {{kMxRfc}, "rfc,registro federal"},
    {{kBrCpf}, "cpf,cadastro de pessoas"},
    {{kBrCnpj}, "cnpj"},
    {{kUkNino}, "national insurance,nino,ni number,insurance number"},
    {{kDeTaxId, kDeTaxNumber},
     "steuer-id,steuerid,steuer "
     "id,steueridentifikationsnummer,identifikationsnummer,steuernummer,idnr,tin,steuer-nr,tax id,"
     "finanzamt"},
    {{kDePension},
     "rentenversicherung,rentenversicherungsnummer,sozialversicherungsnummer,versicherungsnummer,"
     "rvnr,sv-nummer"},
    {{kDeHealth},
     "krankenversicherung,krankenversichertennummer,versichertennummer,kvnr,krankenkasse,health "
     "insurance"},
    {{kDeVat, kItVat},
     "ust-id,ustid,umsatzsteuer,vat,vat number,vat id,partita iva,p.iva,piva,iva"},
    {{kDeDoctor}, "lanr,arztnummer,lebenslange arztnummer"},
    {{kAtSvnr}, "svnr,sv-nummer,sozialversicherungsnummer,versicherungsnummer,svnummer"},
    {{kChAhv}, "ahv,avs,oasi,ahv-nummer,sozialversicherungsnummer"},
    {{kNlBsn}, "bsn,burgerservicenummer,sofinummer,citizen service"},
    {{kBeNational},
     "rijksregisternummer,rijksregister,registre national,niss,insz,national register"},
    {{kFrNir}, "nir,securite sociale,numero de securite,insee,carte vitale"},
    {{kFrSiren, kFrSiret}, "siren,siret,rcs"},
    {{kEsNif}, "nif,nie,dni,documento nacional"},
    {{kPtNif}, "nif,contribuinte,numero de contribuinte,numero fiscal"},
    {{kItFiscalCode}, "codice fiscale,cf,fiscal code"},
    {{kPlPesel}, "pesel"},
    {{kCzBirthNumber}, "rodne cislo,rc,r.c.,rodneho cisla,birth number"},
    {{kRoCnp}, "cnp,cod numeric"},
    {{kBgEgn}, "egn,citizen number,егн,ЕГН"},
    {{kHrOib}, "oib"},
    {{kTrTckn}, "tckn,tc kimlik,kimlik no,t.c."},
    {{kFiHetu}, "hetu,henkilotunnus,sotu"},
    {{kSePersonnummer}, "personnummer,personnr,samordningsnummer,pnr"},
    {{kSeOrganisation}, "organisationsnummer,orgnr,org.nr,org nr"},
    {{kDkCpr}, "cpr,cpr-nummer,personnummer,cpr-nr"},
    {{kNoFodselsnummer}, "fodselsnummer,personnummer,fodselsnr,d-nummer"},
    {{kInAadhaar}, "aadhaar,aadhar,uidai,uid,आधार,ஆதார்,ఆధార్"},
    {{kInPan}, "pan,permanent account,income tax"},
    {{kInGstin}, "gstin,gst"},
    {{kInVoter}, "voter,epic,voter id,election"},
    {{kKrRrn},
     "rrn,resident registration,jumin,foreigner registration,주민등록번호,주민번호,외국인등록번호"},
    {{kKrBrn}, "brn,business registration,사업자등록번호,사업자번호"},
    {{kJpMyNumber}, "my number,mynumber,individual number,マイナンバー,個人番号"},
    {{kCnResidentId},
     "resident id,identity card,shenfenzheng,id number,id card,身份证,身份证号,身分證,公民身份"},
    {{kSgNric}, "nric,fin,identity card"},
    {{kSgUen}, "uen,entity number"},
    {{kThId}, "thai id,national id,id card,บัตรประชาชน,เลขประจำตัว"},
    {{kPhTin}, "tin,philippine tin,bir"},
    {{kAuAbn}, "abn,australian business"},
    {{kAuAcn}, "acn,australian company"},
    {{kAuTfn}, "tfn,tax file"},
    {{kAuMedicare}, "medicare"},
    {{kZaId}, "id number,south african id,identity number,rsa id"},
    {{kNgNin}, "nin,national identification"},
};

}  // namespace

std::span<const ContextRule> ContextRules() { return kRules; }

}  // namespace weir::privacy
