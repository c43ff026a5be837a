/// Splits one line of a CSV file (RFC 4180) into fields; returns the first fault.
///
/// Line breaks inside quotes are not accepted, since no value may have a control character: a record is a line.
func splitCSV(
    _ line: UnsafeBufferPointer<UInt8>, _ limits: ListLimits, into fields: inout LineFields
) -> LineFault? {
    let (quote, comma) = (UInt8(ascii: "\""), UInt8(ascii: ","))
    fields.reset()
    var offset = 0
    while true {
        let start = offset
        if offset < line.count, line[offset] == quote {
            let unescapedStart = fields.unescaped.count
            offset += 1
            scanning: while true {
                guard offset < line.count else {
                    return LineFault(
                        offset: start, field: "", code: "list.quote",
                        message: "the quote that opens here does not close on its line")
                }
                if line[offset] != quote {
                    fields.unescaped.append(line[offset])
                    offset += 1
                } else if offset + 1 < line.count, line[offset + 1] == quote {
                    fields.unescaped.append(quote)
                    offset += 2
                } else {
                    offset += 1
                    break scanning
                }
            }
            if offset < line.count, line[offset] != comma {
                return LineFault(
                    offset: offset, field: "", code: "list.quote",
                    message: "after a closing quote a comma or the line's end is wanted")
            }
            fields.fields.append(
                LineField(
                    offset: start, count: fields.unescaped.count - unescapedStart,
                    unescapedStart: unescapedStart))
        } else {
            while offset < line.count, line[offset] != comma {
                if line[offset] == quote {
                    return LineFault(
                        offset: offset, field: "", code: "list.quote",
                        message: "a value with a quote in it has to be quoted whole, its quotes doubled")
                }
                offset += 1
            }
            fields.fields.append(LineField(offset: start, count: offset - start))
        }
        if let last = fields.fields.last, last.count > limits.valueOctets {
            return LineFault(
                offset: start, field: "", code: "list.value-too-long",
                message: "the value has \(last.count) octets; at most \(limits.valueOctets) are accepted")
        }
        if fields.fields.count > limits.columns {
            return LineFault(
                offset: start, field: "", code: "list.columns",
                message: "the line has more than \(limits.columns) fields")
        }
        guard offset < line.count else { return nil }
        offset += 1
    }
}
