analyze derived.session_summary;
