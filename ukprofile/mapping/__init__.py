"""Where the terms of British flexibility meet those of OpenADR, both directions on one page.

    carrier     a signed text in and out of intervals, and the projection beside it
    contract    contract and market <-> program; contract terms <-> contract event
    market      request, acceptance <-> event, and their withdrawal
    dispatch    schedule ... cancellation <-> the event of a dispatch
    event       whichever of these a body needs
    answer      what a VEN says <-> report
    heartbeat   how an agent is <-> attributes of its ven

    body ─▶ Header.to_json ─▶ seal ─▶ event_of, read_back, answer_report ─▶ event or report
    body ◀─ read_body ◀─ read_header ◀─ open_message ◀─ message_in, message_of ◀────┘

Nobody else reads or writes payload types.
"""
