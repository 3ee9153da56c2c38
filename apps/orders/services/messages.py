"""The sentence behind each code of a refused row."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

SENTENCES = {
    "no_number": gettext_noop("The order has no source or no number."),
    "unknown_kind": gettext_noop("“%(kind)s” is neither a sale nor a return."),
    "no_lines": gettext_noop("The order has no lines."),
    "line_twice": gettext_noop("A line number appears twice."),
    "paid_in_future": gettext_noop("The time of payment lies in the future."),
    "paid_too_long_ago": gettext_noop("The time of payment lies more than ten years back."),
    "wrong_sign": gettext_noop(
        "Line %(line)s has the wrong sign: sales are positive, returns are negative."
    ),
    "amount_too_large": gettext_noop("An amount in line %(line)s is too large."),
    "lines_do_not_sum": gettext_noop(
        "The lines add up to %(lines)s fen, the order says %(header)s fen."
    ),
    "discounts_do_not_sum": gettext_noop(
        "The line discounts add up to %(lines)s fen, the order says %(header)s fen."
    ),
    "no_original": gettext_noop("A return names its original order."),
    "no_original_line": gettext_noop("Every line of a return names the line it returns."),
    "sale_with_original": gettext_noop("A sale has no original order."),
    "unknown_original": gettext_noop("The original order %(number)s is not known."),
    "unknown_original_line": gettext_noop("The original order has no line %(line)s."),
    "unknown_store": gettext_noop("There is no store with the code %(store)s."),
    "foreign_store": gettext_noop("You may not write orders of the store %(store)s."),
    "unknown_sku": gettext_noop("There is no product with the SKU %(sku)s."),
    "unknown_guide": gettext_noop("There is no guide with the WeCom id %(userid)s."),
    "unknown_member": gettext_noop("The buyer is not known. Send the member first."),
    "duplicate_in_batch": gettext_noop(
        "The order %(number)s is in this batch twice with different content."
    ),
    "kind_changed": gettext_noop("A sale cannot become a return, nor a return a sale."),
}


def sentence(code: str, params: dict[str, object]) -> str:
    """The translated sentence of a code."""
    return _(SENTENCES[code]) % params
