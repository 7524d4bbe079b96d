"""How documents print what they speak of, beyond the lexicon: receipts and invoices as they are, short names included."""

from typing import Final, Literal, TypeAlias

Kind: TypeAlias = Literal["amount", "number", "date", "id", "name", "address", "currency", "text"]
"""What a value looks like: money · a plain number · a day · a word with a digit · who · where · a code · anything."""

PRINTED: Final[dict[str, str]] = {
    "rounded_total": "*rounded total|*total rounded|total amt rounded|total after rounding|rounded total (rm)|round d total (rm)|"
    "total amount rounded|total rounding|net total rounded|total payable rounded|nett total rounded",
    "tax_summary": "*gst summary|*tax summary|gst analysis|gst details|umsatzsteueraufschlüsselung|steueraufschlüsselung|vat summary|"
    "*tax code|détail tva|gst tax summary|tax analysis|vat analysis",
    "total": "*total|total sales inclusive gst|total sales (inclusive gst) rm|total sales (inclusive of gst)|total (incl. of gst)|"
    "total inclusive gst rm|total incl of gst|total (inclusive of gst)|total gst inclusive|total incl gst rm|"
    "*grand total|*total amount|*amount due|*total due|*balance due|*total payable|*net total|rounded total"
    "|*total incl gst|*total incl. tax|*total inclusive of gst|total including gst"
    "|total rm|total sales inclusive of gst|total sales incl gst|total inclusive gst|total (incl gst)"
    "|total amount payable|amount payable|total (rm)|total amt|total sales|nett total"
    "|net amount|nett amount|total with tax|total to pay|total bill|bill total|total payment|total after tax"
    "|gross total|gross amount|invoice total|total gbp|total usd|total eur|total (gst incl)|total amount (incl gst)"
    "|total with gst|total amount with gst|total inc gst|total inc vat|total rounding|*total ttc|*montant ttc"
    "|*net à payer|*total à payer|montant à payer|montant total à payer|à payer|montant total ttc|montant total"
    "|total général|montant à régler|solde dû|*gesamtbetrag|*rechnungsbetrag|*bruttosumme|*gesamtsumme|*endbetrag"
    "|zahlbetrag|*bruttobetrag|summe brutto|gesamt brutto|rechnungssumme|zu zahlen|zu zahlender betrag|gesamt|summe"
    "|brutto|rechnungssumme mit ust.|rechnungsendbetrag|total brutto|*totale|totale da pagare|importo totale"
    "|totale documento|totale fattura|*importe total|total a pagar|total factura|*valor total|total geral"
    "|valor a pagar|*totaal|totaalbedrag|te betalen|totaal te betalen|*合计|*总计|总金额|应付金额|价税合计|实收金额|应收|*合計|合計金額|総額"
    "|ご請求金額|お支払金額",
    "subtotal": "*subtotal|*sub total|*sub-total|total excl gst|total excluding gst|total before tax|total excl. tax"
    "|total exclusive of gst|*net total|total without tax|amount before tax|taxable amount|excluded gst sub total"
    "|total before gst|untaxed amount|net value|*total ht|*montant ht|sous-total|sous total|total hors taxe"
    "|montant total ht|*nettosumme|*nettobetrag|zwischensumme|summe netto|*warenwert|gesamt netto|netto"
    "|rechnungssumme ohne ust.|rechnungssumme ohne ust|steuerbasisbetrag|summe positionen|positionssumme"
    "|total netto|nettogesamt|gesamtnetto|*imponibile|totale imponibile|*base imponible|subtotale|totaal excl. btw"
    "|totaal exclusief|*小计|不含税金额|*小計|税抜|valor líquido",
    "tax_amount": "summe umsatzsteuer|steuerbetrag in eur|gesamtbetrag umsatzsteuer|summe mwst|summe ust|"
    "*tax|*gst|*vat|*total tax|total gst|gst amount|tax amount|vat amount|total vat|sales tax|add gst|gst 6%"
    "|gst @6%|sst|service tax|gst payable|tax total|*taxes|total taxes|*tva|montant tva|total tva|*mwst|*mwst."
    "|*umsatzsteuer|*ust|ust.|steuerbetrag|steuer|steuersumme|mehrwertsteuer|zzgl. mwst|zzgl mwst"
    "|umsatzsteuerbetrag|gesamtsteuer|*iva|totale iva|importo iva|cuota iva|imposta|*btw|btw bedrag|imposto|*税额|增值税"
    "|*消費税|税額",
    "paid": "cash|paid|amount paid|payment|cash received|tendered|cash tendered|tender|visa|master|mastercard|credit card"
    "|debit|bezahlt|gegeben|bar|payé|espèces|carte bancaire|pagato|contanti|efectivo|pagado|cash payment"
    "|amount tendered|received|amount received|已付|现金|現金|お預り",
    "change": "change|change due|cash change|balance|rückgeld|wechselgeld|monnaie|rendu|resto|cambio|找零|お釣り|change rm",
    "discount": "discount|total discount|disc|item discount|rabatt|nachlass|abschlag|abschläge|gesamtbetrag der abschläge"
    "|remise|sconto|descuento|savings|total savings|折扣|値引|skonto|desconto",
    "rounding": "rounding|rounding adjustment|rounding adj|round adj|rounding adj.|round off|roundings|rounding amt|arrondi"
    "|rundung",
    "shipping": "shipping|freight|delivery charge|versand|versandkosten|frais de port|zuschläge|gesamtbetrag der zuschläge"
    "|service charge|svc chg",
    "deposit": "deposit|prepaid|anzahlung|erhaltene anzahlungen|acompte|anzahlungen|vorauszahlung",
    "tax_rate": "tax rate|vat rate|steuersatz|taux tva|tax code|ust-satz|ust.-satz|mwst-satz|aliquota",
    "total_quantity": "total qty|total quantity|total item|total items|tot qty|item count|no of items|items|qty total|total item(s)"
    "|item(s)|qty(s)|total qty sold|number of items|total saving|points|point|total points|member|pax|table"
    "|reward points|bonuslink",
    "invoice_number": "*invoice number|*invoice no|*invoice #|invoice|invoice id|inv no|inv no.|bill no|receipt no|receipt #"
    "|receipt number|tax invoice no|document no|doc no|credit note|credit note no|invoice nr|inv|inv #|invoice num"
    "|*rechnungsnummer|*rechnungs-nr|*rechnungsnr|*rechnung nr|rechnung|rechnungs-nummer|rechnung nummer"
    "|rechnungsnr.|beleg-nr|belegnummer|handelsrechnung|re-nr|rechnung-nr|gutschrift nr|gutschrift"
    "|korrekturrechnung|*numéro de facture|*facture n°|*n° de facture|*facture no|facture|facture #"
    "|référence de la facture|réf facture|n° facture|numero facture|avoir|facture nº|nº de facture|no facture"
    "|facture numéro|facture num|*numero fattura|fattura n|fattura|nr. fattura|*número de factura|factura"
    "|factura nº|*número da fatura|fatura|*factuurnummer|factuurnr|factuur|*发票号码|发票号|票据号码|*請求書番号|領収書番号"
    "|handelsrechnung nr|rechnung (380) nr",
    "order_number": "*purchase order number|*po number|*po no|po #|p.o. number|p.o. no|p.o.|*order number|order no|*order #"
    "|your order|po|purchase order|customer po|*bestellnummer|bestellung|bestell-nr|bestellnr|ihre bestellung"
    "|auftragsnummer|auftrag|auftrags-nr|*bon de commande|*n° bc|n°bc|bc|bc#|bc n°|nº bc|nºbc|n° de commande"
    "|commande|n° commande|numéro de commande|référence|reference|votre référence|réf commande|numero ordine|ordine"
    "|número de pedido|pedido|bestelnummer|*订单号|注文番号|bc no|commande n°|référence commande|réf|ref|your reference"
    "|bon de commande n°|cmd",
    "customer_number": "customer number|customer no|customer id|client id|account number|account no|kundennummer|kunden-nr|kundennr"
    "|numéro de client|n° client|id client|code client|numero cliente|número de cliente|klantnummer|客户编号"
    "|customer code|debitor|nummer|globale nummer",
    "delivery_note_number": "delivery note|lieferschein|lieferscheinnummer|lieferschein-nr|lieferscheinnr|bon de livraison|n° bl|do no"
    "|delivery order",
    "tax_id": "vat id|vat no|vat number|gst no|gst id|gst id no|gst reg no|gst reg. no|gst registration no|tax id|ust-idnr"
    "|ust.-id.-nr|ust-id|ust-idnr.|steuernummer|steuer-nr|numéro de tva|n° tva|tva intracommunautaire|siret|siren"
    "|partita iva|p.iva|nif|cif|btw-nummer|税号|纳税人识别号|st.-nr|n° tva client|sst no|sst id",
    "company_number": "company reg no|co reg no|co. reg. no|reg no|roc no|roc|co no|company no|handelsregisternummer|hrb"
    "|registration no|registration number",
    "iban": "iban|account|bank account|kontonummer|konto|swift|bic|swift/bic|blz|kto|bank code",
    "phone": "tel|phone|telephone|fax|tel no|mobile|telefon|téléphone|handy|hotline|tel/fax|phone no|hp|电话|電話",
    "other_number": "terminal|cashier|counter|till|pos|trans|transaction|slip no|slip|approval code|ref no|batch no|serial no"
    "|station|token no|shift|operator|salesperson|staff",
    "date": "*date|*invoice date|*date of invoice|inv date|bill date|receipt date|transaction date|issue date|date issued"
    "|*rechnungsdatum|*datum|belegdatum|vom|*date de facture|date facture|*date de facturation|date de la facture"
    "|le|date d'émission|fait le|*data|data fattura|*fecha|fecha de factura|data de emissão|factuurdatum|*日期|开票日期"
    "|*日付|請求日|発行日|date/time|date & time|date time|trans date|print date|sales date|issued",
    "due_date": "*due date|*payment due|due|due by|pay by|payment due date|*fällig|fällig am|fälligkeit|fälligkeitsdatum"
    "|zahlbar bis|zahlungsziel|*date d'échéance|*échéance|échéance|a payer avant|règlement avant le|à régler avant|à régler avant le|règlement avant|à payer avant"
    "|date limite de paiement|payable le|date échéance|date d'echeance|*scadenza|data scadenza|*vencimiento"
    "|fecha de vencimiento|*vencimento|vervaldatum|到期日|支払期限|date de paiement|zahlbar innerhalb",
    "delivery_date": "delivery date|lieferdatum|leistungsdatum|liefer-und leistungsdatum|liefer- und leistungsdatum|liefertermin"
    "|date de livraison|leistungszeitraum|shipped|ship date|lieferung|expiry date|exp date|service date|time|zeit",
    "received_date": "received|received by|date received|eingegangen|eingang|reçu le|ricevuto|recibido|收到日期"
    "|received by nsd/fara registration unit|eingegangen am",
    "valid_until": "expires|revised|order date|bestelldatum|date of birth|birth date|geburtsdatum|valid until|gültig bis"
    "|approval date|date of signature|auftragsdatum",
    "seller": "*seller|*supplier|vendor|from|sold by|issuer|*verkäufer|lieferant|rechnungssteller|*fournisseur|vendeur"
    "|émetteur|*fornitore|*proveedor|vendedor|*fornecedor|leverancier|*销售方|卖方|販売者|information fournisseur|absender"
    "|shop|merchant|store|company|creditor",
    "buyer": "*buyer|*bill to|billed to|*customer|client|sold to|invoice to|ship to|*käufer|käufer/leistungsempfänger|kunde"
    "|rechnungsempfänger|empfänger|rechnungsadresse|*facturé à|adresse de facturation|*acheteur|destinataire"
    "|information client|*cliente|*comprador|klant|*购买方|买方|買主|adresse de livraison|delivery address|lieferadresse"
    "|leistungsempfänger|rechnung an|an|à|attn|to|kundenadresse|lieferanschrift|auftraggeber|warenempfänger"
    "|abweichender warenempfänger",
    "contact": "contact|kontakt|ansprechpartner|contact commercial|contact client|bearbeiter|sachbearbeiter|salesman|john doe",
    "address": "*address|*adresse|*anschrift|indirizzo|dirección|endereço|*地址|*住所|adres",
    "currency": "*currency|*währung|*devise|valuta|moneda|*币种|*通貨|rechnungswährung",
}  # fmt: skip
"""Names by concept, parted by |; an asterisk marks those that leave no doubt."""

HEADINGS: Final[dict[str, str]] = {
    "item_description": "*description|*item|item name|*product|article|particulars|item/desc|code/desc|service|*beschreibung"
    "|*bezeichnung|artikel|leistung|produkt|artikelbezeichnung|*désignation|libellé|produit|*descrizione|prodotto"
    "|*descripción|producto|concepto|*descrição|omschrijving|*品名|项目|名称|商品名称|*品目|摘要|item description|details"
    "|artikelbeschreibung|qty item|produit / service|text",
    "quantity": "*quantity|*qty|units|hours|*menge|anzahl|*quantité|qté|qte|nombre|*quantità|q.tà|*cantidad|*quantidade|aantal"
    "|*数量|qantité|stk|einheiten|quant",
    "unit_price": "*unit price|*price|u.price|u/price|rate|unit cost|price each|*einzelpreis|nettopreis|preis|stückpreis|e-preis"
    "|ep|bruttopreis|einheitspreis|*prix unitaire|prix|pu|p.u.|pu ht|prix unitaire ht|unitaire|*prezzo"
    "|prezzo unitario|*precio|precio unitario|*preço|preço unitário|prijs|stuksprijs|*单价|*単価|rsp|prix ht"
    "|unit price rm",
    "line_amount": "*amount|*line total|line amount|line net amount|total|total price|net amount|*gesamtpreis|*betrag|nettobetrag"
    "|gesamt|summe|positionsbetrag|g-preis|gp|*montant|montant ht|sous-total|sous total|sous-tota|total ht"
    "|total ttc|prix total|*importo|*importe|*valor|*bedrag|totaal|*金额|*金額|amount rm|rm(total)|amount (rm)|total rm"
    "|total (rm)|netto|positionssumme|gesamtbetrag|net|subtotal",
    "tax_rate": "taxes|tax|tva|vat|gst|mwst|ust|steuersatz|steuer|taux tva|税率|税额|mwst.|ust.|steuersatz [%]|% tva|iva|btw",
    "item_code": "item code|code|sku|art-nr|artikelnr|artikel-nr|art.-nr|article no|référence|réf.|codice|código|货号"
    "|artikelnummer|item no|art-nr-lief.|art-nr-kunde|article code|art.nr.",
    "line_number": "#|pos|pos.|no|no.|nr|nr.|n°|line|position|序号|sn|s/n|lp",
    "unit": "unit|uom|einheit|unité|u|unidad|单位|me",
    "remarks": "disc|disc.|disc%|remise|rem.|rabatt|uom|tax code|code|kommentar|bemerkung|prix ttc",
}  # fmt: skip
"""The same of the columns of line items."""

KIN: Final[dict[str, tuple[tuple[str, float], ...]]] = {
    "total": (("rounded_total", 1.1), ("amount_due", 0.95)),
    "amount_due": (("total", 0.85),),
    "date": (("invoice_date", 1.0), ("issue_date", 1.0), ("visit_date", 0.9), ("report_date", 0.9)),
    "invoice_date": (("date", 1.0), ("issue_date", 1.0)),
    "issue_date": (("date", 0.9), ("invoice_date", 0.9)),
    "visit_date": (("date", 0.9),),
    "report_date": (("date", 0.9),),
    "invoice_number": (("receipt_number", 0.92), ("document_number", 0.9)),
    "receipt_number": (("invoice_number", 0.92), ("document_number", 0.9)),
    "document_number": (("invoice_number", 0.8), ("receipt_number", 0.8)),
    "order_number": (("reference", 0.85),),
    "seller_address": (("address", 0.9),),
    "buyer_address": (("address", 0.9), ("delivery_address", 0.6)),
    "seller_tax_id": (("tax_id", 1.0),),
    "buyer_tax_id": (("tax_id", 0.8),),
    "seller_phone": (("phone", 1.0),),
    "buyer_phone": (("phone", 0.8),),
    "patient_name": (("person_name", 0.95),),
    "person_name": (("patient_name", 0.95), ("first_name", 0.6)),
    "paid": (("cash_payment", 0.95),),
}  # fmt: skip
"""By concept, the concepts whose labels may say it too, and how well."""
